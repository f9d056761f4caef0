//! Who may ask for hosted forms.

use domain::access::Permission as P;

use super::cases::Access::{self, Needs};

/// Every root field of forms.
pub const ROOTS: &[(&str, &str, Access)] = &[
    ("Query", "forms", Needs(P::MembersRead)),
    ("Mutation", "formCreate", Needs(P::KeysWrite)),
    ("Mutation", "formDisable", Needs(P::KeysWrite)),
    ("Mutation", "formPublish", Needs(P::KeysWrite)),
    ("Mutation", "formUpdate", Needs(P::KeysWrite)),
];
