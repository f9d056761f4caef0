//! Who may do what: roles of people, scopes of machines, and the permissions behind both.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, OrganizationId, UserId};
use crate::refusal::{Code, Refusal};

macro_rules! text_enum {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $text:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[doc = $doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The text in the API and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownText;

            fn from_str(text: &str) -> Result<Self, UnknownText> {
                match text { $($text => Ok(Self::$variant),)* _ => Err(UnknownText(stringify!($name))) }
            }
        }

        impl crate::access::TextEnum for $name {
            const NAME: &'static str = stringify!($name);
            const DESCRIPTION: &'static str = concat!($($about),*);
            const VALUES: &'static [Self] = Self::ALL;

            fn text(self) -> &'static str {
                self.as_str()
            }

            fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*),)* }
            }
        }
    };
}
pub(crate) use text_enum;

/// An enumeration whose values have a text and a description, as `text_enum!` makes them.
pub trait TextEnum: Copy + Eq + std::fmt::Debug + Send + Sync + FromStr<Err = UnknownText> + 'static {
    /// Its name.
    const NAME: &'static str;
    /// What it is, for people.
    const DESCRIPTION: &'static str;
    /// Every value.
    const VALUES: &'static [Self];

    /// The text in the API and in the database.
    fn text(self) -> &'static str;
    /// What the value means, for people.
    fn description(self) -> &'static str;
}

/// A text that names no value of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {0}")]
pub struct UnknownText(pub &'static str);

text_enum! {
    /// A person's role in an organization.
    Role {
        /// Everything, and the organization itself.
        Owner = "OWNER",
        /// Everything but ownership and money out.
        Manager = "MANAGER",
        /// Wallet and statements.
        Finance = "FINANCE",
        /// Works on bought leads.
        Agent = "AGENT",
        /// Looks, and changes nothing.
        Viewer = "VIEWER",
    }
}

text_enum! {
    /// What a role or a scope permits.
    Permission {
        /// Read own leads, without contact details.
        LeadsRead = "leads:read",
        /// Submit, import, verify and withdraw own leads.
        LeadsWrite = "leads:write",
        /// See the contact details of own leads and of leads under a live trade.
        ContactsReveal = "contacts:reveal",
        /// Browse listings and read own listings, bids and receipts.
        MarketRead = "market:read",
        /// List, withdraw and re-list own leads.
        ListingsWrite = "listings:write",
        /// Bid and buy.
        Buy = "market:buy",
        /// Read own trades, disputes, outcomes and clients.
        TradesRead = "trades:read",
        /// Open, answer, appeal and withdraw disputes.
        DisputesWrite = "disputes:write",
        /// Log calls, record outcomes and work on clients.
        OutcomesWrite = "outcomes:write",
        /// Read the wallet and its statement.
        WalletRead = "wallet:read",
        /// Move money in and out.
        WalletWrite = "wallet:write",
        /// Read members, invitations and keys.
        MembersRead = "members:read",
        /// Invite, change and remove members.
        MembersWrite = "members:write",
        /// Make and revoke API keys.
        KeysWrite = "keys:write",
        /// Change the organization's own data.
        OrganizationWrite = "organization:write",
    }
}

text_enum! {
    /// A member of the exchange's own staff.
    StaffRole {
        /// Runs the exchange.
        Operator = "OPERATOR",
        /// Decides disputes.
        Arbiter = "ARBITER",
    }
}

impl Role {
    /// What this role permits.
    #[must_use]
    pub fn permissions(self) -> BTreeSet<Permission> {
        use Permission as P;
        let all = || P::ALL.iter().copied();
        match self {
            Self::Owner => all().collect(),
            Self::Manager => all().filter(|p| !matches!(p, P::WalletWrite | P::OrganizationWrite)).collect(),
            Self::Finance => [P::WalletRead, P::WalletWrite, P::TradesRead, P::MarketRead, P::MembersRead].into(),
            Self::Agent => [P::MarketRead, P::TradesRead, P::ContactsReveal, P::OutcomesWrite, P::DisputesWrite].into(),
            Self::Viewer => [P::LeadsRead, P::MarketRead, P::TradesRead, P::WalletRead, P::MembersRead].into(),
        }
    }
}

impl Permission {
    /// Whether a machine may hold this permission: keys never manage people, keys or the organization.
    #[must_use]
    pub const fn grantable_to_key(self) -> bool {
        !matches!(self, Self::MembersWrite | Self::KeysWrite | Self::OrganizationWrite | Self::WalletWrite)
    }
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody has logged in.
    Anonymous,
    /// A person, acting for an organization.
    Member {
        /// The person.
        user: UserId,
        /// The organization.
        organization: OrganizationId,
        /// The role there.
        role: Role,
    },
    /// A machine, acting for an organization.
    Key {
        /// The key.
        key: ApiKeyId,
        /// The organization.
        organization: OrganizationId,
        /// What the key permits.
        scopes: BTreeSet<Permission>,
    },
    /// A machine that tries out selling in real time: nothing that it does is kept, and no money moves.
    TestKey {
        /// The key.
        key: ApiKeyId,
        /// The organization.
        organization: OrganizationId,
        /// What the key is to permit when it is exchanged for a real one.
        scopes: BTreeSet<Permission>,
    },
    /// A member of staff, acting for the exchange.
    Staff {
        /// The person.
        user: UserId,
        /// The role.
        role: StaffRole,
    },
}

/// Whether what is done is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Live,
    /// It is tried out: nothing is kept and no money moves.
    Test,
}

fn missing(permission: Permission) -> Refusal {
    Refusal::new(Code::Forbidden, format!("this needs the permission `{}`", permission.as_str()))
}

impl Principal {
    /// The organization for which the caller acts, if any.
    #[must_use]
    pub const fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Member { organization, .. } | Self::Key { organization, .. } | Self::TestKey { organization, .. } => {
                Some(*organization)
            }
            Self::Anonymous | Self::Staff { .. } => None,
        }
    }

    /// The person behind the request, if it is one.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::Member { user, .. } | Self::Staff { user, .. } => Some(*user),
            Self::Anonymous | Self::Key { .. } | Self::TestKey { .. } => None,
        }
    }

    /// The key behind the request, if it is one.
    #[must_use]
    pub const fn key(&self) -> Option<ApiKeyId> {
        match self {
            Self::Key { key, .. } | Self::TestKey { key, .. } => Some(*key),
            Self::Anonymous | Self::Member { .. } | Self::Staff { .. } => None,
        }
    }

    /// Whether the caller holds `permission` in its organization. A test key holds none: what it may try is [`Self::seller`].
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Member { role, .. } => role.permissions().contains(&permission),
            Self::Key { scopes, .. } => scopes.contains(&permission),
            Self::Anonymous | Self::TestKey { .. } | Self::Staff { .. } => false,
        }
    }

    /// The organization for which the caller pings and posts leads, and whether it only tries that out.
    pub fn seller(&self) -> Result<(OrganizationId, Mode), Refusal> {
        self.acts(&[Permission::ListingsWrite, Permission::LeadsWrite])
    }

    /// The organization for which the caller hands in leads by record, and whether it only tries that out.
    pub fn supplier(&self) -> Result<(OrganizationId, Mode), Refusal> {
        self.acts(&[Permission::LeadsWrite])
    }

    fn acts(&self, needed: &[Permission]) -> Result<(OrganizationId, Mode), Refusal> {
        if let Self::TestKey { organization, scopes, .. } = self {
            return match needed.iter().find(|needed| !scopes.contains(needed)) {
                Some(needed) => Err(missing(*needed)),
                None => Ok((*organization, Mode::Test)),
            };
        }
        needed.iter().try_for_each(|needed| self.require(*needed).map(drop))?;
        match self.organization() {
            Some(organization) => Ok((organization, Mode::Live)),
            None => Err(Refusal::new(Code::Unauthenticated, "log in first")),
        }
    }

    /// The caller's organization, if the caller holds `permission` there.
    pub fn require(&self, permission: Permission) -> Result<OrganizationId, Refusal> {
        match self.organization() {
            Some(organization) if self.may(permission) => Ok(organization),
            Some(_) if matches!(self, Self::TestKey { .. }) => {
                Err(Refusal::new(Code::Forbidden, "a test key pings and posts leads, and does nothing else"))
            }
            Some(_) => Err(missing(permission)),
            None if *self == Self::Anonymous => Err(Refusal::new(Code::Unauthenticated, "log in first")),
            None => Err(Refusal::new(Code::Forbidden, "this is for members of an organization")),
        }
    }

    /// The staff member behind the request, if it holds `role`.
    pub fn require_staff(&self, role: StaffRole) -> Result<UserId, Refusal> {
        match self {
            Self::Staff { user, role: held } if *held == role => Ok(*user),
            Self::Anonymous => Err(Refusal::new(Code::Unauthenticated, "log in first")),
            _ => Err(Refusal::new(Code::Forbidden, format!("this needs the staff role {}", role.as_str()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_permits_what_its_words_say() {
        assert_eq!(Role::Owner.permissions().len(), Permission::ALL.len());
        assert!(!Role::Viewer.permissions().iter().any(|p| p.as_str().ends_with(":write")));
        assert!(!Role::Viewer.permissions().contains(&Permission::ContactsReveal));
        assert!(!Role::Manager.permissions().contains(&Permission::WalletWrite));
        assert!(Role::Agent.permissions().contains(&Permission::OutcomesWrite));
        assert!(!Role::Agent.permissions().contains(&Permission::Buy));
    }

    #[test]
    fn a_test_key_may_try_selling_and_nothing_else() {
        let organization = OrganizationId(uuid::Uuid::from_u128(1));
        let test = |scopes: &[Permission]| Principal::TestKey {
            key: ApiKeyId(uuid::Uuid::from_u128(2)),
            organization,
            scopes: scopes.iter().copied().collect(),
        };
        let every = test(Permission::ALL);
        assert!(Permission::ALL.iter().all(|permission| !every.may(*permission) && every.require(*permission).is_err()));
        assert_eq!(every.seller().unwrap(), (organization, Mode::Test));
        assert_eq!(test(&[Permission::LeadsWrite]).seller().unwrap_err().code, Code::Forbidden);
        let key = ApiKeyId(uuid::Uuid::from_u128(2));
        let live = Principal::Key { key, organization, scopes: [Permission::LeadsWrite, Permission::ListingsWrite].into() };
        assert_eq!(live.seller().unwrap(), (organization, Mode::Live));
        assert_eq!(Principal::Anonymous.seller().unwrap_err().code, Code::Unauthenticated);
    }

    #[test]
    fn texts_survive() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>(), Ok(*role));
        }
        assert_eq!("leads:everything".parse::<Permission>(), Err(UnknownText("Permission")));
    }
}
