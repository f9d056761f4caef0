//! The HTTP side: the GraphQL endpoint and its transports, health, metrics, the explorer.

mod apq;
pub mod confirm;
pub mod contract;
pub mod delivery_files;
mod documents;
pub mod door;
mod endpoint;
pub mod evidence;
pub mod exchange;
mod explorer;
mod health;
pub mod hooks;
pub mod host;
pub mod jwks;
pub mod limits;
pub mod log;
mod negotiate;
mod parameters;
mod patient;
pub mod payments;
pub mod problem;
pub mod record;
pub mod refusals;
pub mod serve;
mod sse;
pub mod statement;
mod streams;
pub mod table;
pub mod uploads;
mod ws;

pub use contract::Contract;
pub use endpoint::{bearer, client_address, problem_response};
pub use exchange::exchange_serve;
pub use explorer::DemoLogin;
pub use health::install_metrics;
pub use serve::{router, serve};
