//! The agencies list what they have for the day.

use super::DemoError;
use super::market::{ForSale, Market};
use super::seller::terms;
use crate::app::listings::{ListingCreate, listing_create};

impl Market<'_> {
    /// Lists the leads of a day.
    pub(crate) async fn list(&mut self, today: &[ForSale]) -> Result<(), DemoError> {
        for each in today {
            let seller = self.cast.sellers.get(each.seller).ok_or(DemoError::Unexpected("a lead of nobody"))?;
            let reference = self.leads.get(&each.lead).map_or(0, |(reference, _)| *reference);
            let draft = terms(each.stock, &mut self.dice("terms", reference, each.seller));
            listing_create(self.app, &seller.actor.caller, ListingCreate { lead: each.lead, draft }).await?;
        }
        Ok(())
    }
}
