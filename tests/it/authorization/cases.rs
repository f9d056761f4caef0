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
    ("Query", "bids", A::Needs(P::MarketRead)),
    ("Query", "clearingReceipt", A::Needs(P::MarketRead)),
    ("Query", "import", A::Needs(P::LeadsRead)),
    ("Query", "imports", A::Needs(P::LeadsRead)),
    ("Query", "listing", A::Needs(P::MarketRead)),
    ("Query", "listings", A::Needs(P::MarketRead)),
    ("Query", "apiKeys", A::Needs(P::MembersRead)),
    ("Query", "invitations", A::Needs(P::MembersRead)),
    ("Query", "members", A::Needs(P::MembersRead)),
    ("Query", "moneyStop", A::Operator),
    ("Query", "organization", A::Everybody),
    ("Query", "server", A::Everybody),
    ("Query", "trade", A::NeedsOrOperator(P::TradesRead)),
    ("Query", "trades", A::Needs(P::TradesRead)),
    ("Query", "upload", A::Organization),
    ("Query", "viewer", A::Everybody),
    ("Query", "wallet", A::NeedsOrOperator(P::WalletRead)),
    ("Query", "walletStatement", A::NeedsOrOperator(P::WalletRead)),
    ("Query", "withdrawals", A::NeedsOrOperator(P::WalletRead)),
    ("Mutation", "bidPlace", A::Needs(P::Buy)),
    ("Mutation", "bidWithdraw", A::Needs(P::Buy)),
    ("Mutation", "apiKeyCreate", A::Needs(P::KeysWrite)),
    ("Mutation", "apiKeyRevoke", A::Needs(P::KeysWrite)),
    ("Mutation", "contactReveal", A::Needs(P::ContactsReveal)),
    ("Mutation", "correctionRecord", A::Operator),
    ("Mutation", "depositRecord", A::Operator),
    ("Mutation", "importCancel", A::Needs(P::LeadsWrite)),
    ("Mutation", "leadsImport", A::Needs(P::LeadsWrite)),
    ("Mutation", "invitationAccept", A::Everybody),
    ("Mutation", "invitationCreate", A::Needs(P::MembersWrite)),
    ("Mutation", "invitationRevoke", A::Needs(P::MembersWrite)),
    ("Mutation", "ledgerVerify", A::Operator),
    ("Mutation", "listingBuy", A::Needs(P::Buy)),
    ("Mutation", "listingCreate", A::Needs(P::ListingsWrite)),
    ("Mutation", "listingRelist", A::Needs(P::ListingsWrite)),
    ("Mutation", "listingWithdraw", A::Needs(P::ListingsWrite)),
    ("Mutation", "memberRemove", A::Needs(P::MembersWrite)),
    ("Mutation", "memberRoleChange", A::Needs(P::MembersWrite)),
    ("Mutation", "moneyStopLift", A::Operator),
    ("Mutation", "uploadCreate", A::Needs(P::LeadsWrite)),
    ("Mutation", "organizationRegister", A::Everybody),
    ("Mutation", "organizationReinstate", A::Operator),
    ("Mutation", "organizationSuspend", A::Operator),
    ("Mutation", "organizationUpdate", A::Needs(P::OrganizationWrite)),
    ("Mutation", "passwordChange", A::Person),
    ("Mutation", "passwordResetComplete", A::Everybody),
    ("Mutation", "passwordResetRequest", A::Everybody),
    ("Mutation", "sessionCreate", A::Everybody),
    ("Mutation", "sessionEnd", A::Everybody),
    ("Mutation", "sessionRefresh", A::Everybody),
    ("Mutation", "sessionsEndAll", A::Person),
    ("Mutation", "withdrawalConfirm", A::Operator),
    ("Mutation", "withdrawalFail", A::Operator),
    ("Mutation", "withdrawalRequest", A::Needs(P::WalletWrite)),
];
