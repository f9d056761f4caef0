//! Who may ask for what.

use domain::access::Permission;

/// Who may ask for a root field. What they then get is scoped to them; the tests of each noun see to that.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    Everybody,
    LoggedIn,
    Person,
    Organization,
    Needs(Permission),
    NeedsOrOperator(Permission),
    NeedsOrStaff(Permission),
    Operator,
    Arbiter,
    Staff,
}

/// Every field of every type, with the reason why whoever gets the object may see it where that is not plain.
pub const FIELDS: &str = include_str!("fields.txt");

use Access as A;
use Permission as P;

/// Every root field.
pub const ROOTS: &[(&str, &str, Access)] = &[
    ("Query", "server", A::Everybody),
];
