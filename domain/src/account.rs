//! Organizations and people: what a name, an address and a role may be, and who may change whose.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{Permission, Principal, Role, UnknownText, text_enum};
use crate::id::{ApiKeyId, InvitationId, MembershipId, OrganizationId, UserId};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// The longest name of an organization, a person or a key, in characters.
pub const NAME_LEN_MAX: usize = 120;
/// The longest e-mail address, in bytes (RFC 5321, 4.5.3.1.3).
pub const EMAIL_LEN_MAX: usize = 254;

text_enum! {
    /// Whether an organization may act.
    OrganizationStatus {
        /// It may.
        Active = "ACTIVE",
        /// An operator has stopped it.
        Suspended = "SUSPENDED",
    }
}

/// A company on the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// IANA name.
    pub time_zone: String,
    /// The language of its mails: `en`, `pt-BR`.
    pub locale: String,
    /// Whether it may act.
    pub status: OrganizationStatus,
    /// When it registered.
    pub created_at: Timestamp,
}

/// A person who logs in. Debug shows the id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The id.
    pub id: UserId,
    /// The address that the person logs in with.
    pub email: Email,
    /// The name.
    pub name: String,
    /// The language.
    pub locale: String,
}

/// A person's place in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: MembershipId,
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub person: Person,
    /// The role.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

/// An invitation to join an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The organization.
    pub organization: OrganizationId,
    /// Who is invited.
    pub email: Email,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A machine's key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The organization.
    pub organization: OrganizationId,
    /// What it is for.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// What it permits.
    pub scopes: BTreeSet<Permission>,
    /// Whether it is for trying out only.
    pub test: bool,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when, if it ends.
    pub expires_at: Option<Timestamp>,
    /// The last use, to the hour.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Who acts with it.
    #[must_use]
    pub fn principal(&self) -> Principal {
        let (key, organization, scopes) = (self.id, self.organization, self.scopes.clone());
        match self.test {
            true => Principal::TestKey { key, organization, scopes },
            false => Principal::Key { key, organization, scopes },
        }
    }
}

/// An e-mail address in its canonical form: trimmed and lower-cased. Debug does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address that was stored in its canonical form.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Email {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let canonical = text.trim().to_lowercase();
        let options = email_address::Options::default().with_required_tld().without_domain_literal().without_display_text();
        let is_address = email_address::EmailAddress::parse_with_options(&canonical, options).is_ok();
        if canonical.len() > EMAIL_LEN_MAX || !is_address {
            return Err(Refusal::new(Code::Invalid, "an e-mail address such as `ada@example.com`"));
        }
        Ok(Self(canonical))
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The name without spaces at the ends: 1 to [`NAME_LEN_MAX`] characters, none of them a control character.
pub fn name_of(text: &str) -> Result<String, Refusal> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Refusal::new(Code::Required, "a name must not be empty"));
    }
    if name.chars().count() > NAME_LEN_MAX {
        return Err(Refusal::new(Code::TooLarge, format!("a name has at most {NAME_LEN_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Refusal::new(Code::Invalid, "a name has no control characters"));
    }
    Ok(name.to_owned())
}

/// An ISO 3166-1 alpha-2 code, in upper case.
pub fn country_of(code: &str) -> Result<String, Refusal> {
    let known =
        code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) && code.parse::<phonenumber::country::Id>().is_ok();
    if known { Ok(code.to_owned()) } else { Err(Refusal::new(Code::Invalid, "an ISO 3166-1 alpha-2 code such as `PT`")) }
}

/// An IANA time zone.
pub fn time_zone_of(name: &str) -> Result<String, Refusal> {
    let zone: Result<chrono_tz::Tz, _> = name.parse();
    zone.map(|zone| zone.name().to_owned()).map_err(|_| Refusal::new(Code::Invalid, "an IANA time zone such as `Europe/Lisbon`"))
}

/// A language, with a country if need be: `en`, `pt-BR`.
pub fn locale_of(tag: &str) -> Result<String, Refusal> {
    let (language, country) = tag.split_once('-').map_or((tag, None), |(language, country)| (language, Some(country)));
    let language_fits = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    if language_fits && country.is_none_or(|country| country_of(country).is_ok()) {
        Ok(tag.to_owned())
    } else {
        Err(Refusal::new(Code::Invalid, "a language tag such as `en` or `pt-BR`"))
    }
}

/// Whether the holder of `actor` may make somebody `granted`: nobody gives a permission away that it does not hold.
pub fn role_grant_check(actor: Role, granted: Role) -> Result<(), Refusal> {
    if granted.permissions().is_subset(&actor.permissions()) {
        return Ok(());
    }
    let (actor, granted) = (actor.as_str(), granted.as_str());
    Err(Refusal::new(Code::Forbidden, format!("{actor} makes nobody {granted}: that role permits more")))
}

/// Whether the holder of `actor` may change a member from `held` to `becomes` (`None`: remove it), when the organization
/// has `owners` owners. Nobody touches a role that permits more than its own, and the last owner stays.
pub fn member_change_check(actor: Role, held: Role, becomes: Option<Role>, owners: u64) -> Result<(), Refusal> {
    for role in [held].into_iter().chain(becomes) {
        role_grant_check(actor, role)?;
    }
    if held == Role::Owner && becomes != Some(Role::Owner) && owners <= 1 {
        return Err(Refusal::new(Code::LastOwner, "an organization keeps at least one owner"));
    }
    Ok(())
}

/// Whether an open invitation to be `granted` outlives a change of its maker, whose role is `now` (`None`: it has left).
#[must_use]
pub fn invitation_stands(now: Option<Role>, granted: Role) -> bool {
    now.is_some_and(|now| now.permissions().contains(&Permission::MembersWrite) && role_grant_check(now, granted).is_ok())
}

/// Whether a key with `scopes` outlives a change of its maker, whose role is `now` (`None`: it has left).
#[must_use]
pub fn key_stands(now: Option<Role>, scopes: &BTreeSet<Permission>) -> bool {
    let held = now.map(Role::permissions).unwrap_or_default();
    held.contains(&Permission::KeysWrite) && scopes.is_subset(&held)
}

/// Whether `principal` may give `scopes` to a key: at least one, each meant for machines, each its own.
pub fn scopes_check(principal: &Principal, scopes: &[Permission]) -> Result<(), Vec<Refusal>> {
    if scopes.is_empty() {
        return Err(vec![Refusal::new(Code::Required, "a key needs at least one scope")]);
    }
    let refused = |(index, scope): (usize, &Permission)| {
        if !scope.grantable_to_key() {
            let message = format!("`{}` is for people: no key may hold it", scope.as_str());
            return Some(Refusal::new(Code::Invalid, message).at(index));
        }
        let missing = || Refusal::new(Code::Invalid, format!("you do not hold `{}` yourself", scope.as_str())).at(index);
        (!principal.may(*scope)).then(missing)
    };
    let refusals: Vec<Refusal> = scopes.iter().enumerate().filter_map(refused).collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn code<T>(result: Result<T, Refusal>) -> Option<Code> {
        result.err().map(|refusal| refusal.code)
    }

    #[test]
    fn addresses_are_canonical() {
        let email: Email = "  Ada.Lovelace@Example.COM ".parse().unwrap();
        assert_eq!((email.as_str(), format!("{email:?}").as_str()), ("ada.lovelace@example.com", "Email(..)"));
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in
            ["", "ada", "ada@", "@example.com", "ada@localhost", "a b@example.com", "Ada <a@example.com>", "a@[127.0.0.1]", &long]
        {
            assert_eq!(code(bad.parse::<Email>()), Some(Code::Invalid), "{bad}");
        }
    }

    #[test]
    fn names_and_places_are_checked() {
        assert_eq!(name_of("  Öresund Leads "), Ok("Öresund Leads".to_owned()));
        assert_eq!((code(name_of(" ")), code(name_of("a\0b"))), (Some(Code::Required), Some(Code::Invalid)));
        assert_eq!((code(name_of(&"é".repeat(120))), code(name_of(&"é".repeat(121)))), (None, Some(Code::TooLarge)));
        assert!(country_of("PT").is_ok() && country_of("pt").is_err() && country_of("QQ").is_err());
        assert!(time_zone_of("Europe/Lisbon").is_ok() && time_zone_of("Europe/Atlantis").is_err());
        assert!(
            locale_of("pt-BR").is_ok() && locale_of("fil").is_ok() && locale_of("english").is_err() && locale_of("en-").is_err()
        );
    }

    #[test]
    fn nobody_grants_or_touches_more_than_it_holds_and_the_last_owner_stays() {
        use Role::{Agent, Finance, Manager, Owner, Viewer};
        let below = |actor: Role| match actor {
            Owner => vec![Owner, Manager, Finance, Agent, Viewer],
            Manager => vec![Manager, Agent, Viewer],
            own @ (Finance | Agent | Viewer) => vec![own],
        };
        for actor in Role::ALL {
            for other in Role::ALL {
                let within = below(*actor).contains(other);
                assert_eq!(role_grant_check(*actor, *other).is_ok(), within, "{actor:?} makes {other:?}");
                assert_eq!(member_change_check(*actor, *other, None, 2).is_ok(), within, "{actor:?} removes {other:?}");
                for becomes in Role::ALL {
                    let both = within && below(*actor).contains(becomes);
                    let done = member_change_check(*actor, *other, Some(*becomes), 2);
                    assert_eq!(code(done), (!both).then_some(Code::Forbidden), "{actor:?}: {other:?} to {becomes:?}");
                }
            }
        }
        assert_eq!(code(member_change_check(Owner, Owner, Some(Agent), 1)), Some(Code::LastOwner));
        assert_eq!(code(member_change_check(Owner, Owner, None, 1)), Some(Code::LastOwner));
        assert_eq!(code(member_change_check(Owner, Owner, Some(Owner), 1)), None);
    }

    #[test]
    fn what_somebody_gave_out_ends_with_the_right_to_give_it() {
        use Role::{Agent, Finance, Manager, Owner};
        assert!(invitation_stands(Some(Owner), Finance) && invitation_stands(Some(Manager), Agent));
        assert!(!invitation_stands(Some(Manager), Finance) && !invitation_stands(Some(Finance), Finance));
        assert!(!invitation_stands(None, Agent));
        let scopes = [Permission::LeadsRead, Permission::Buy].into();
        assert!(key_stands(Some(Manager), &scopes) && !key_stands(Some(Agent), &scopes) && !key_stands(None, &scopes));
    }

    #[test]
    fn a_key_gets_no_more_than_its_maker_has() {
        let organization = OrganizationId(Uuid::from_u128(1));
        let manager = Principal::Member { user: UserId(Uuid::from_u128(2)), organization, role: Role::Manager };
        assert_eq!(scopes_check(&manager, &[Permission::LeadsRead, Permission::Buy]), Ok(()));
        assert_eq!(scopes_check(&manager, &[]).unwrap_err()[0].code, Code::Required);
        let refused = scopes_check(&manager, &[Permission::LeadsRead, Permission::KeysWrite]).unwrap_err();
        assert_eq!((refused.len(), refused[0].path.clone()), (1, vec!["1".to_owned()]));
        let agent = Principal::Member { user: UserId(Uuid::from_u128(2)), organization, role: Role::Agent };
        assert_eq!(scopes_check(&agent, &[Permission::Buy]).unwrap_err()[0].code, Code::Invalid);
    }
}
