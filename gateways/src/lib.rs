//! What the exchange reaches outside itself. Nothing here knows its rules: each part takes plain values and gives plain values back.

pub mod crm;
pub mod meta;
pub mod payments;
