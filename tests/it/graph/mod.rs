//! The graph as a whole: what one request costs, what can be found by its id, and what nobody learns from it.

mod loading;
mod nodes;
mod secrecy;
