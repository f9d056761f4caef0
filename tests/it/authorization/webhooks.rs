//! Who may ask for what of webhooks.

use domain::access::Permission as P;

use super::cases::Access::{self, self as A};

/// The root fields of webhooks and of the alerts that leave by them.
pub const ROOTS: &[(&str, &str, Access)] = &[
    ("Query", "walletAlerts", A::Needs(P::WalletRead)),
    ("Query", "webhookAttempts", A::Needs(P::MembersRead)),
    ("Query", "webhookDeliveries", A::Needs(P::MembersRead)),
    ("Query", "webhookEndpoints", A::Needs(P::MembersRead)),
    ("Query", "webhookEventTypes", A::Everybody),
    ("Mutation", "walletAlertRemove", A::Needs(P::WalletWrite)),
    ("Mutation", "walletAlertSet", A::Needs(P::WalletWrite)),
    ("Mutation", "webhookEndpointCreate", A::Needs(P::KeysWrite)),
    ("Mutation", "webhookEndpointDisable", A::Needs(P::KeysWrite)),
    ("Mutation", "webhookEndpointEnable", A::Needs(P::KeysWrite)),
    ("Mutation", "webhookEndpointRotateSecret", A::Needs(P::KeysWrite)),
    ("Mutation", "webhookEndpointTest", A::Needs(P::KeysWrite)),
    ("Mutation", "webhookEndpointUpdate", A::Needs(P::KeysWrite)),
    ("Mutation", "webhookReplay", A::Needs(P::KeysWrite)),
];
