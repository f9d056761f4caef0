//! Disputes through the public API: every path, both sides' silence, exact money.

pub mod case;
mod clients;
mod consent;
mod desk;
mod evidence;
mod group;
mod paths;
mod proof;
mod sight;
mod work;
