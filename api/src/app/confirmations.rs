//! Codes and links sent to persons: whoever gives one back holds the channel.

use domain::access::Permission;
use domain::id::{ConfirmationId, LeadId};
use domain::lead::Channel;
use domain::refusal::{Code, Refusal};
use domain::time::plus_secs;
use domain::verification::{
    Confirmation, ConfirmationAnswer, ConfirmationPolicy, ConfirmationWords, confirmation_answer, confirmed, may_message,
};
use domain::vertical::AttributeValue;
use secrecy::{ExposeSecret, SecretString};
use store::StoreError;
use store::confirmations::{ConfirmationKey, StoredConfirmation};
use store::leads::{Finder, LeadScope, StoredLead};

use super::leads::{Recorded, findings_record, person_of};
use super::message::{MESSAGE_SEND, Message, message_seal};
use super::{App, AppError, Caller};
use crate::crypto::{Token, token_hash, tokens_match};
use crate::ports::{Mail, Sms};

const DAY_SECS: i64 = 86_400;
const CODE_DIGITS: u32 = 6;
const MAX_ANSWER: usize = 100;

/// How a person answers.
pub enum Answer {
    /// With the code, to the confirmation of this id.
    Code(ConfirmationId, String),
    /// With the token of the link.
    Token(SecretString),
}

/// What an answer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The confirmation.
    pub id: ConfirmationId,
    /// Whether it was confirmed by an earlier answer.
    pub repeated: bool,
}

/// Sends the person a code and a link on `channel`; the message leaves behind the commit. At most some a day
/// and person, and none to a person who asked for none.
pub async fn confirmation_send(
    app: &App,
    caller: &Caller,
    lead: LeadId,
    channel: Channel,
) -> Result<StoredConfirmation, AppError> {
    let scope = LeadScope::Seller(caller.principal.require(Permission::LeadsWrite)?);
    let stored = app.store.lead(scope, lead).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    let refused = stored.consent.as_ref().is_some_and(|consent| consent.refused_channels.contains(&channel));
    if refused {
        return Err(Refusal::invalid("channel", "the person does not wish to be reached on this channel").into());
    }
    let id: ConfirmationId = app.store.id();
    let code = six_digits(app);
    let token = Token::generate(app.entropy.as_ref(), "clc");
    let message = message_to(app, &stored, channel, &code, token.expose()).await?;
    let payload = &message_seal(app, &message)?;
    let (code_hash, token_hash) = (code_hash(app, id, &code).to_vec(), token.hash.to_vec());
    let policy = &policy(app);
    let hashes = &(code_hash, token_hash);
    app.store
        .write("confirmation_send", |tx| async move {
            let locked = tx.lead_locked(scope, lead).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
            if !locked.state.is_open() {
                return Err(AppError::from(Refusal::wrong_state(format!("the lead is {}", locked.state.as_str()))));
            }
            may_message(&locked.checks)?;
            if tx.lead_suppressed(lead).await? {
                return Err(Refusal::wrong_state("the person behind this lead must not be sent messages").into());
            }
            let now = tx.now().await?;
            let since = plus_secs(now, -DAY_SECS);
            if tx.confirmations_sent(lead, since).await? >= policy.max_sends_day {
                return Err(Refusal::new(Code::RateLimited, "this person was sent enough messages for a day").into());
            }
            if tx.confirmations_sent_by(locked.seller, since).await? >= policy.max_seller_sends_day {
                return Err(Refusal::new(Code::RateLimited, "your organization had enough messages sent for a day").into());
            }
            let new = StoredConfirmation {
                id,
                lead,
                seller: locked.seller,
                channel,
                code_hash: hashes.0.clone(),
                token_hash: hashes.1.clone(),
                created_at: now,
                confirmation: Confirmation::sent(now, policy),
            };
            tx.confirmation_insert(&new).await?;
            tx.enqueue(MESSAGE_SEND, payload.clone(), now).await?;
            Ok(new)
        })
        .await
}

/// Takes a person's answer. Needs no log-in: code or token is the proof. A wrong code is counted, and refused.
pub async fn confirmation_take(app: &App, answer: Answer) -> Result<Confirmed, AppError> {
    let (key, given) = match &answer {
        Answer::Code(id, code) => (ConfirmationKey::Id(*id), code.trim()),
        Answer::Token(token) => (ConfirmationKey::Token(token_hash(token.expose_secret()).to_vec()), ""),
    };
    if given.len() > MAX_ANSWER {
        return Err(Refusal::new(Code::TooLarge, "a code has six digits").at("code").into());
    }
    let by_link = matches!(answer, Answer::Token(_));
    let unknown = || {
        if by_link { Refusal::not_found("token", "confirmation") } else { Refusal::not_found("confirmationId", "confirmation") }
    };
    let key = &key;
    let outcome: Result<Confirmed, Refusal> = app
        .store
        .write("confirmation_answer", |tx| async move {
            let found = tx.confirmation_locked(key).await?.ok_or_else(unknown)?;
            let matches = by_link || tokens_match(&found.code_hash, &code_hash(app, found.id, given));
            let now = tx.now().await?;
            match confirmation_answer(found.confirmation, matches, now, &policy(app))? {
                ConfirmationAnswer::Wrong(refusal) => {
                    // The count of wrong answers has to stay: this transaction commits.
                    tx.confirmation_miss(found.id).await?;
                    Ok(Err(refusal))
                }
                ConfirmationAnswer::AlreadyConfirmed => Ok(Ok(Confirmed { id: found.id, repeated: true })),
                ConfirmationAnswer::Confirmed => {
                    tx.confirmation_confirm(found.id, now).await?;
                    person_confirmed(app, &tx, &found, by_link).await?;
                    Ok::<_, AppError>(Ok(Confirmed { id: found.id, repeated: false }))
                }
            }
        })
        .await?;
    Ok(outcome?)
}

async fn person_confirmed(app: &App, tx: &store::Tx, found: &StoredConfirmation, by_link: bool) -> Result<(), AppError> {
    let gone = || Refusal::not_found("confirmationId", "confirmation");
    let lead = tx.lead_locked(LeadScope::Exchange, found.lead).await?.ok_or_else(gone)?;
    if !lead.state.is_open() {
        return Err(Refusal::new(Code::OutsideWindow, "this request is no longer open").into());
    }
    let schema = store::verticals::vertical_version(tx.db(), lead.vertical, lead.vertical_version).await?;
    let schema = schema.ok_or_else(|| StoreError::corrupt(format!("{} without its vertical's version", lead.id)))?;
    let recorded = [Recorded::Found(confirmed(found.channel, by_link))];
    findings_record(app, tx, LeadScope::Exchange, found.lead, &schema, &recorded, Finder::default()).await?;
    Ok(())
}

async fn message_to(app: &App, lead: &StoredLead, channel: Channel, code: &str, token: &str) -> Result<Message, AppError> {
    let erased = || Refusal::wrong_state("the contact data of this lead was destroyed");
    let contact = person_of(app, lead.id).await?.ok_or_else(erased)?.contact;
    let missing = || Refusal::invalid("channel", "the lead has no usable way of this kind");
    let language = match lead.attributes.get("language") {
        Some(AttributeValue::Text(language)) => Some(language.as_str()),
        _ => None,
    };
    let words = ConfirmationWords::of(language, Some(&lead.country));
    let address = &app.config.server.public_url;
    let text = words.message(code, &format!("{address}/confirm?lang={}&token={token}", words.language));
    match channel {
        Channel::Email => {
            let to = contact.emails.into_iter().find(|email| email.valid).ok_or_else(missing)?.address;
            Ok(Message::Mail(Mail { to, subject: words.subject.to_owned(), text }))
        }
        Channel::Phone => {
            let to = contact.phones.into_iter().find(|phone| phone.valid).ok_or_else(missing)?.e164;
            Ok(Message::Sms(Sms { to, text }))
        }
        Channel::Messenger => Err(Refusal::invalid("channel", "codes are sent by PHONE or EMAIL").into()),
    }
}

fn policy(app: &App) -> ConfirmationPolicy {
    let settings = &app.config.verification;
    ConfirmationPolicy {
        ttl_secs: settings.confirmation_secs,
        max_attempts: settings.confirmation_attempts_max.into(),
        max_sends_day: settings.confirmations_per_person_max,
        max_seller_sends_day: settings.confirmations_per_seller_max,
    }
}

/// A code of six digits, each equally likely to a part in 10^13.
fn six_digits(app: &App) -> String {
    let mut random = [0; 8];
    app.entropy.fill(&mut random);
    let code = u64::from_be_bytes(random).checked_rem(10_u64.saturating_pow(CODE_DIGITS)).unwrap_or(0);
    format!("{code:06}")
}

/// A code has too few digits for a plain hash: only the holder of the key can try them all.
fn code_hash(app: &App, id: ConfirmationId, code: &str) -> [u8; 32] {
    app.keys.keyed_hash("CONFIRMATION", &format!("{id}:{code}"))
}
