//! How buyers change their minds while leads come in.

use super::market::{Market, Order};
use super::orders::reordered;
use crate::app::campaigns::{CampaignUpdate, campaign_archive_by, campaign_pause_by, campaign_resume_by, campaign_update};
use crate::demo::dice::Dice;

/// Numbers of campaigns made while the market is open begin here, far above those of the start.
const LATER: u64 = 1 << 32;

impl Market {
    /// Some buyer changes one of its campaigns, or makes another.
    pub(super) async fn change(&self, number: u64) {
        let mut dice = self.dice("change", number);
        let what = dice.below(100);
        if what < 15 {
            return self.order_one(LATER | number).await;
        }
        let Some((place, order)) = self.some_order(&mut dice) else { return };
        let Some(buyer) = self.cast.buyer(order.buyer) else { return };
        let caller = &buyer.caller;
        let (done, changed) = match what {
            0..60 => {
                let draft = reordered(&self.kinds, &order.draft, &mut dice);
                let input = CampaignUpdate { campaign: order.id, version: None, draft: draft.clone() };
                let changed = campaign_update(&self.app, caller, input).await;
                if changed.is_ok()
                    && let Some(known) = self.orders().get_mut(place)
                {
                    known.draft = draft;
                }
                ("updated", changed)
            }
            60..78 => ("paused", campaign_pause_by(&self.app, caller, order.id).await),
            78..96 => ("resumed", campaign_resume_by(&self.app, caller, order.id).await),
            _ => ("archived", campaign_archive_by(&self.app, caller, order.id).await),
        };
        match changed {
            Ok(_) => self.findings().changed(done),
            // Most campaigns that one tries to resume are active: the code says so.
            Err(error) => self.findings().refused(&format!("campaign to be {done}"), &error),
        }
    }

    fn some_order(&self, dice: &mut Dice) -> Option<(usize, Order)> {
        let orders = self.orders();
        let place = dice.below(u32::try_from(orders.len()).unwrap_or(u32::MAX));
        let place = usize::try_from(place).unwrap_or(0);
        Some((place, orders.get(place)?.clone()))
    }
}
