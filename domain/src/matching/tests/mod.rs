//! The index against the plain evaluation of every filter.

mod churn;
mod selection;
mod world;
