//! Who may ask for destinations and deliveries.

use domain::access::Permission as P;

use super::cases::Access::{self, Needs};

/// Root fields of destinations and deliveries.
pub const ROOTS: &[(&str, &str, Access)] = &[
    ("Query", "deliveries", Needs(P::TradesRead)),
    ("Query", "destinationPreview", Needs(P::KeysWrite)),
    ("Query", "destinations", Needs(P::MembersRead)),
    ("Mutation", "deliveryRetry", Needs(P::OutcomesWrite)),
    ("Mutation", "deliveryTest", Needs(P::KeysWrite)),
    ("Mutation", "destinationCreate", Needs(P::KeysWrite)),
    ("Mutation", "destinationDisable", Needs(P::KeysWrite)),
    ("Mutation", "destinationEnable", Needs(P::KeysWrite)),
    ("Mutation", "destinationUpdate", Needs(P::KeysWrite)),
];
