//! The demo's payments by card: a double of Stripe, some advertisers who pay in through it, and agencies that are paid through it.

use domain::money::Money;
use domain::time::{Timestamp, Window, plus_secs};
use domain::top_up::TopUp;
use domain::withdrawal::WithdrawalState;
use stripe_double::{Clock, ControlError, Options, StripeDouble, WebhookEndpoint};

use super::DemoError;
use super::form::OPENING;
use super::market::Market;
use super::report::Stripe;
use crate::app::payments::accounts::payout_onboarding_start;
use crate::app::payments::reconcile::stripe_reconcile;
use crate::app::payments::top_ups::{TopUpRequest, checkout_happened, wallet_top_up};
use crate::app::payments::withdrawals::wallet_withdraw;
use crate::app::payments::work::payments_advance;

/// What the double signs with.
const SECRET: &str = "whsec_demo";
/// Every how many advertisers one pays by card, and every how many agencies one is paid through Stripe.
const EVERY: usize = 2;

/// A double of Stripe. It is not Stripe.
#[derive(Debug)]
pub struct Till(StripeDouble);

impl Till {
    /// Starts the double at the market's opening, on a free port of this machine.
    pub(crate) async fn open(seed: u64) -> Result<Self, DemoError> {
        let clock = Clock::From(OPENING.timestamp());
        let seed = u32::try_from(seed & u64::from(u32::MAX)).unwrap_or(1);
        Ok(Self(StripeDouble::start_with(Options { clock, seed, ..Options::default() }).await?))
    }

    /// The settings of an exchange that uses it.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[stripe]\nsecret_key = {:?}\nwebhook_secrets = [{SECRET:?}]\napi_url = {:?}\ntop_up_max_minor = 99999999\n",
            self.0.secret_key, self.0.url
        )
    }

    /// Brings the double to the present, and lets it tell the exchange at `bind` from now on.
    pub fn serve(&self, bind: &str, now: Timestamp) {
        let behind = now.timestamp().saturating_sub(self.0.now());
        self.0.advance_clock(u32::try_from(behind).unwrap_or(0));
        let url = format!("http://{bind}/v1/stripe/webhook");
        self.0.set_webhook_endpoints(vec![WebhookEndpoint { url, secret: SECRET.to_owned(), enabled_events: Vec::new() }]);
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }
}

fn refused(error: ControlError) -> DemoError {
    DemoError::Place(format!("the double of Stripe: {error}"))
}

impl Market<'_> {
    /// Whether the advertiser or agency with this number pays or is paid through Stripe.
    pub(crate) fn uses_stripe(&self, number: usize) -> bool {
        self.till.is_some() && number.is_multiple_of(EVERY)
    }

    /// An advertiser pays in by card.
    pub(crate) async fn pay_by_card(&mut self, buyer: usize, amount: Money) -> Result<(), DemoError> {
        let Some(till) = self.till else { return Ok(()) };
        let buyer = self.cast.buyers.get(buyer).ok_or(DemoError::Unexpected("an advertiser that is not there"))?;
        let asked = TopUpRequest { amount, card: None, save_card: true };
        let key = format!("card-{}", buyer.who.domain());
        let begun = wallet_top_up(self.app, &buyer.actor.caller, &key, asked).await?;
        let TopUp::Open { session, .. } = begun.standing else {
            return Err(DemoError::Unexpected("a top-up without a page"));
        };
        till.0.complete_checkout(&session).map_err(refused)?;
        checkout_happened(self.app, &session).await?;
        self.findings.card_minor = self.findings.card_minor.saturating_add(amount.minor);
        Ok(())
    }

    /// Agencies take out half of what they earned, through the accounts that they open at Stripe.
    pub(crate) async fn withdraw(&mut self) -> Result<(), DemoError> {
        let Some(till) = self.till else { return Ok(()) };
        for (number, seller) in self.cast.sellers.iter().enumerate().filter(|(number, _)| number.is_multiple_of(EVERY)) {
            let caller = &seller.actor.caller;
            let balances = self.app.store.wallet(seller.organization).await?.balances;
            let Some((currency, half)) = balances.iter().next().map(|(currency, of)| (*currency, of.available_minor / 2)) else {
                continue;
            };
            if half == 0 {
                continue;
            }
            let started = payout_onboarding_start(self.app, caller).await?;
            till.0.complete_onboarding(&started.account.account).map_err(refused)?;
            self.clock.set(plus_secs(self.app.now(), self.app.config.stripe.poll_secs));
            payments_advance(self.app).await?;
            let key = format!("withdrawal-{number}");
            let sent = wallet_withdraw(self.app, caller, &key, Money::new(half, currency)).await?;
            if sent.state != WithdrawalState::Sent {
                return Err(DemoError::Unexpected("a withdrawal that did not leave"));
            }
            self.findings.withdrawn_minor = self.findings.withdrawn_minor.saturating_add(half);
        }
        Ok(())
    }

    /// Both sides' books.
    pub(crate) async fn stripe(&self) -> Result<Option<Stripe>, DemoError> {
        let Some(till) = self.till else { return Ok(None) };
        let window = Window { from: plus_secs(OPENING, -86_400), until: plus_secs(self.app.now(), 86_400) };
        let found = stripe_reconcile(self.app, &window).await?;
        Ok(Some(Stripe {
            topped_up_minor: self.findings.card_minor,
            withdrawn_minor: self.findings.withdrawn_minor,
            double_holds: till.0.check().is_ok(),
            differences: u64::try_from(found.differences.len()).unwrap_or(u64::MAX),
        }))
    }
}
