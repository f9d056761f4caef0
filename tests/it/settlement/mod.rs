//! Settlement in batches: each command has its own outcome, whatever stands beside it.

mod batch;
mod beside;
mod faults;
mod queue;
mod replay;
pub mod scene;
