//! Adapters that bring one bought lead to where its buyer works.
//!
//! Everything here is pure: no socket, no clock, no randomness. A [`Destination`] holds the settings, [`Secrets`] what must be sealed,
//! and a [`Delivery`] joins both with a [`Lead`]. [`Delivery::render`] makes the [`Step`] of a [`Stage`]; whoever performs it hands the
//! [`Answer`] to [`Destination::next`], which says what it means and whether another step follows.
//!
//! The idempotency key of a delivery goes into the header `idempotency-key` of each request, and into the payload where the format has a
//! place. Most of these services ignore the header: an answer that was lost on its way can therefore make a second record there, unless
//! the service itself knows duplicates. The stage is kept between attempts so that a step that succeeded is not repeated.

pub mod adf;
pub mod answer;
pub mod bitrix24;
pub mod check;
pub mod csv_file;
pub mod delivery;
pub mod destination;
pub mod email;
mod email_texts;
pub mod guarded;
pub mod hook;
pub mod http;
pub mod hubspot;
pub mod kommo;
pub mod lead;
pub mod mapping;
pub mod oauth;
pub mod pipedrive;
pub mod render_error;
pub mod salesforce;
pub mod step;
pub mod success;
pub mod template;

pub use answer::{Answer, Next, Outcome, Stage};
pub use check::{Policy, Problem};
pub use delivery::Delivery;
pub use destination::{Destination, Kind, Pace};
pub use guarded::{Guarded, Secrets};
pub use lead::{Attribute, Lead, Price};
pub use mapping::{Core, Field, Mapping, Source};
pub use oauth::{Fault, Grant, Granted, Oauth, Renewal};
pub use render_error::RenderError;
pub use step::{Message, Method, Request, Row, Shown, Step};

#[cfg(test)]
mod testing;
