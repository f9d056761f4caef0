//! Selling in real time: a ping, and the post of what got an offer; or a post without a ping.

use std::time::Duration;

use domain::campaign::ConsentKind;
use domain::clearing::{Pricing, SaleKind};
use domain::lead::{LeadDraft, LeadState};
use domain::listing::AuctionDraft;
use domain::money::{Currency, Money};
use tokio::time::Instant;

use super::cast::Company;
use super::findings::{Way, count};
use super::goods::digests;
use super::market::Market;
use crate::app::AppError;
use crate::app::offers::{LeadDirectPost, LeadPing, LeadPost, OfferTerms, Posted, lead_direct_post, lead_ping, lead_post};
use crate::demo::dice::Dice;
use store::offers::StoredOffer;

/// Of 1,000 pings so many are sent twice.
const REPEATED_PER_MILLE: u32 = 30;
/// Of 1,000 posts so many name another person than was pinged.
const MIXED_UP_PER_MILLE: u32 = 10;
/// Of 1,000 posts so many are of a form that a bot filled, which only the checks after the ping see.
const BOT_PER_MILLE: u32 = 15;
/// From the offer to the post, in milliseconds: the agency asks others too.
const THINKING_MILLIS: (u32, u32) = (5, 400);

impl Market {
    /// Pings, and posts unless `way` says that the agency forgets it.
    pub(super) async fn ping_and_post(&self, seller: &Company, way: Way, draft: LeadDraft, mut dice: Dice) {
        let ping = LeadPing {
            draft: draft.clone(),
            consent: ConsentKind::of(draft.consent.as_ref()),
            digests: digests(&draft),
            terms: terms(&mut dice),
        };
        let offer = match self.ping(seller, &ping).await {
            Ok(Some(offer)) => offer,
            Ok(None) => return self.findings().lost("ping: nobody offered anything"),
            Err(error) => return self.findings().lost_by("leadPing", &error),
        };
        if dice.chance(REPEATED_PER_MILLE) {
            match self.ping(seller, &ping).await {
                Ok(again) if again.as_ref().map(|again| again.id) != Some(offer.id) => {
                    self.findings().unexplained("a repeated ping got another offer".to_owned());
                }
                Ok(_) => {}
                Err(error) => self.findings().refused("leadPing again", &error),
            }
        }
        if way == Way::Forgotten {
            return self.findings().lost("ping: never posted");
        }
        let (least, most) = THINKING_MILLIS;
        tokio::time::sleep(Duration::from_millis(dice.between(least, most).into())).await;
        let posted = LeadPost { offer: offer.id, draft: posted_draft(draft, &mut dice) };
        let started = Instant::now();
        let answer = self.patiently(|| lead_post(&self.app, &seller.caller, posted.clone())).await;
        self.post_took(started);
        match answer {
            Ok(posted) => self.posted(way, &posted, &mut dice).await,
            Err(error) => self.findings().lost_by("leadPost", &error),
        }
    }

    async fn ping(&self, seller: &Company, ping: &LeadPing) -> Result<Option<StoredOffer>, AppError> {
        let started = Instant::now();
        let answer = self.patiently(|| lead_ping(&self.app, &seller.caller, ping.clone())).await;
        let mut findings = self.findings();
        findings.ping_micros.push(micros(started));
        count(&mut findings.pings);
        if matches!(answer, Ok(Some(_))) {
            count(&mut findings.offers);
        }
        answer
    }

    /// Posts without a ping.
    pub(super) async fn direct(&self, seller: &Company, draft: LeadDraft, mut dice: Dice) {
        let input = LeadDirectPost { terms: terms(&mut dice), draft: posted_draft(draft, &mut dice) };
        let started = Instant::now();
        let answer = self.patiently(|| lead_direct_post(&self.app, &seller.caller, input.clone())).await;
        self.post_took(started);
        match answer {
            Ok(posted) => self.posted(Way::Direct, &posted, &mut dice).await,
            Err(error) => self.findings().lost_by("leadDirectPost", &error),
        }
    }

    fn post_took(&self, started: Instant) {
        let mut findings = self.findings();
        findings.post_micros.push(micros(started));
        count(&mut findings.posts);
    }

    async fn posted(&self, way: Way, posted: &Posted, dice: &mut Dice) {
        let sales = &posted.concluded.sales;
        if sales.is_empty() {
            let mut findings = self.findings();
            return match (posted.state, posted.concluded.fallen.first(), &posted.offer) {
                (state, ..) if state != LeadState::Verified => findings.lost(format!("post: the lead is {}", state.as_str())),
                (_, Some(reason), _) => findings.lost(format!("post: {}", reason.as_str())),
                (_, None, None) => findings.lost("direct post: nobody offered anything"),
                (_, None, Some(_)) => {
                    findings.lost("unexplained");
                    findings.unexplained("a post was not sold, and nothing says why".to_owned());
                }
            };
        }
        let copies: Vec<(SaleKind, i64)> = sales.iter().map(|sale| (sale.kind, sale.price_minor)).collect();
        self.findings().sold(way, &copies);
        if let Some(sale) = sales.first() {
            self.work_on(sale.trade, dice).await;
        }
    }
}

/// What an agency asks for a lead in real time.
pub(super) fn terms(dice: &mut Dice) -> OfferTerms {
    let (auction, max_sales) = reserves(dice);
    OfferTerms { auction, max_sales }
}

/// Reserves as agencies set them, and how many copies they sell.
pub(super) fn reserves(dice: &mut Dice) -> (AuctionDraft, i64) {
    let exclusive = i64::from(dice.between(200, 1_200));
    let shared = dice.chance(400);
    let auction = AuctionDraft {
        pricing: if dice.chance(150) { Pricing::FirstPrice } else { Pricing::SecondPrice },
        shared_reserve: shared.then_some(Money::new(exclusive / 3, Currency::EUR)),
        exclusive_reserve: Some(Money::new(exclusive, Currency::EUR)),
        buy_now: None,
    };
    (auction, if shared { 3 } else { 1 })
}

/// The lead as it is posted: mostly the one that was pinged.
fn posted_draft(mut draft: LeadDraft, dice: &mut Dice) -> LeadDraft {
    if dice.chance(MIXED_UP_PER_MILLE) {
        draft.contact.phones.clear();
        draft.contact.emails = vec![format!("mixed.up.{}@example.org", dice.below(u32::MAX))];
    }
    if dice.chance(BOT_PER_MILLE) {
        draft.session.honeypot_filled = Some(true);
    }
    draft
}

fn micros(started: Instant) -> u32 {
    u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX)
}
