//! Typed identifiers: a UUIDv7 below, `lead_01j...` (a prefix and 26 Crockford base-32 digits) in the API.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LEN: usize = 26;

/// Why a text is not an identifier of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix is not the one of this type.
    #[error("expected an id that starts with `{0}_`")]
    Prefix(&'static str),
    /// The part behind the prefix is not 26 Crockford base-32 digits of a 128-bit number.
    #[error("the part behind `{0}_` is not a valid id")]
    Digits(&'static str),
}

/// A typed identifier, as the `ids!` macro makes them.
pub trait TypedId: Copy + Eq + fmt::Display + FromStr<Err = IdError> + From<Uuid> + Into<Uuid> {
    /// The text before the underscore.
    const PREFIX: &'static str;

    /// The UUID below.
    fn uuid(self) -> Uuid {
        self.into()
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl TypedId for $name {
            const PREFIX: &'static str = $prefix;
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text
                    .strip_prefix($prefix)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .ok_or(IdError::Prefix($prefix))?;
                decode(digits).map(Self).ok_or(IdError::Digits($prefix))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*

        /// Every prefix that an identifier of the exchange can have.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// A company on the exchange.
    OrganizationId = "org";
    /// A person who logs in.
    UserId = "user";
    /// A user's role in an organization.
    MembershipId = "mem";
    /// An invitation to join an organization.
    InvitationId = "inv";
    /// A chain of refresh tokens that began with one log-in.
    SessionId = "ses";
    /// A machine's key.
    ApiKeyId = "key";
    /// An address at which leads are handed in.
    LeadHookId = "hook";
    /// A hosted form.
    FormId = "form";
    /// A certificate of a consent.
    CertificateId = "cert";
    /// A kind of demand.
    VerticalId = "vert";
    /// A lead.
    LeadId = "lead";
    /// One outcome of one verification check.
    CheckId = "chk";
    /// A code or link sent to the person.
    ConfirmationId = "conf";
    /// One look at contact details.
    RevealId = "rev";
    /// An entry of the do-not-contact list.
    SuppressionId = "sup";
    /// A file that a client puts.
    UploadId = "upl";
    /// An import of a file of leads.
    ImportId = "imp";
    /// A lead offered for sale.
    ListingId = "lst";
    /// A buyer's sealed price.
    BidId = "bid";
    /// A buyer's standing order.
    CampaignId = "cmp";
    /// One version of a campaign's terms.
    CampaignRevisionId = "cmr";
    /// What a ping was offered.
    OfferId = "ofr";
    /// A clearing's receipt.
    ReceiptId = "rcpt";
    /// One lead sold to one buyer.
    TradeId = "trd";
    /// A buyer's claim on a trade.
    DisputeId = "dsp";
    /// An entry in the history of a dispute.
    DisputeEntryId = "dse";
    /// A file given as evidence.
    EvidenceId = "evd";
    /// A call that a buyer logged.
    CallId = "call";
    /// An entry in the history of outcomes.
    OutcomeId = "out";
    /// A buyer's client, made from a lead.
    ClientId = "cli";
    /// An entry in a client's history.
    ClientEntryId = "cle";
    /// A system that bought leads are brought to.
    DestinationId = "dst";
    /// A bought lead on its way to a destination.
    DeliveryId = "dlv";
    /// One attempt of a delivery.
    DeliveryAttemptId = "dla";
    /// A file of bought leads.
    DeliveryFileId = "dlf";
    /// A ledger account.
    AccountId = "acc";
    /// One business event in the ledger.
    JournalId = "jrn";
    /// One movement in the ledger.
    TransferId = "trf";
    /// Money that came in.
    DepositId = "dep";
    /// Money that goes out.
    WithdrawalId = "wdr";
    /// A bank account that withdrawals go to.
    PayoutAccountId = "pay";
    /// Money that its payer took back.
    ChargebackId = "chb";
    /// Money that an organization pays in by card.
    TopUpId = "top";
    /// Money that goes back to a card.
    CardRefundId = "crf";
    /// A card payment that its payer's bank questions.
    CardDisputeId = "cdp";
    /// Money of a withdrawal that came back after it had left.
    WithdrawalReturnId = "wrt";
    /// A mistake in the ledger that an operator corrects.
    CorrectionId = "cor";
    /// An address to which messages are sent.
    WebhookEndpointId = "whe";
    /// A secret that signs messages.
    WebhookSecretId = "whs";
    /// A message to one endpoint.
    WebhookDeliveryId = "msg";
    /// Work to be done behind a commit.
    JobId = "job";
}

/// A UUIDv7 from an instant and 74 random bits (the rest of `random` is ignored).
#[must_use]
pub fn uuid_v7(now: crate::time::Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn encode(uuid: Uuid) -> String {
    let mut rest = uuid.as_u128();
    let mut digits = [b'0'; ENCODED_LEN];
    for digit in digits.iter_mut().rev() {
        let index = usize::try_from(rest & 31).unwrap_or(0);
        *digit = ALPHABET.get(index).copied().unwrap_or(b'0');
        rest >>= 5;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

fn decode(digits: &str) -> Option<Uuid> {
    if digits.len() != ENCODED_LEN || !digits.starts_with(['0', '1', '2', '3', '4', '5', '6', '7']) {
        return None;
    }
    let mut value: u128 = 0;
    for byte in digits.bytes() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        value = (value << 5) | u128::try_from(digit).ok()?;
    }
    Some(Uuid::from_u128(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_uuid_survives_the_text(value: u128) {
            let id = LeadId(Uuid::from_u128(value));
            prop_assert_eq!(id.to_string().parse::<LeadId>(), Ok(id));
        }
    }

    #[test]
    fn texts_that_are_not_ids_are_refused() {
        let good = LeadId(Uuid::from_u128(7)).to_string();
        assert_eq!(good, "lead_00000000000000000000000007");
        assert_eq!("org_00000000000000000000000007".parse::<LeadId>(), Err(IdError::Prefix("lead")));
        for bad in [
            "lead_",
            "lead_0",
            "lead_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "lead_0000000000000000000000000U",
            "lead_0000000000000000000000000é",
        ] {
            assert_eq!(bad.parse::<LeadId>(), Err(IdError::Digits("lead")), "{bad}");
        }
    }

    #[test]
    fn prefixes_are_distinct() {
        let mut sorted = PREFIXES.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), PREFIXES.len());
    }
}
