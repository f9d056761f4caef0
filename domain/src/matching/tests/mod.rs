//! The index against the plain evaluation of every filter.

mod churn;
mod classes;
mod selection;
mod world;
