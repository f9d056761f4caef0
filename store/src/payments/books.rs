//! The exchange's side of the books that are compared with the provider's, a page at a time in the order of ids.

use domain::card_refund::CardRefundState;
use domain::time::{Timestamp, Window};
use domain::top_up::TopUpState;
use domain::withdrawal::{WithdrawalMethod, WithdrawalState};
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::card_disputes::CardDispute;
use super::card_refunds::CardRefund;
use super::top_ups::StoredTopUp;
use crate::db::Store;
use crate::entity::{card_dispute, card_refund, top_up, withdrawal};
use crate::error::StoreError;
use crate::withdrawals::Withdrawal;
use crate::words::is;

/// How many rows a page has.
pub const BOOK_PAGE: u64 = 200;

fn span(window: &Window) -> (Timestamp, Timestamp) {
    (window.from, window.until)
}

impl Store {
    /// Paid top-ups that were asked for in a window, behind `after`.
    pub async fn book_top_ups(&self, window: &Window, after: Uuid) -> Result<Vec<StoredTopUp>, StoreError> {
        let (from, until) = span(window);
        let rows = top_up::Entity::find()
            .filter(top_up::Column::CreatedAt.gte(from))
            .filter(top_up::Column::CreatedAt.lt(until))
            .filter(is(top_up::Column::State, TopUpState::Paid.as_str()))
            .filter(top_up::Column::Id.gt(after))
            .order_by_asc(top_up::Column::Id)
            .limit(BOOK_PAGE);
        rows.all(self.read()).await?.into_iter().map(StoredTopUp::try_from).collect()
    }

    /// Refunds that were asked for in a window and reached the provider, behind `after`.
    pub async fn book_card_refunds(&self, window: &Window, after: Uuid) -> Result<Vec<CardRefund>, StoreError> {
        let (from, until) = span(window);
        let rows = card_refund::Entity::find()
            .filter(card_refund::Column::CreatedAt.gte(from))
            .filter(card_refund::Column::CreatedAt.lt(until))
            .filter(card_refund::Column::State.ne(CardRefundState::Requested.as_str()))
            .filter(card_refund::Column::Id.gt(after))
            .order_by_asc(card_refund::Column::Id)
            .limit(BOOK_PAGE);
        rows.all(self.read()).await?.into_iter().map(CardRefund::try_from).collect()
    }

    /// Withdrawals through connected accounts that have left, behind `after`: those that were asked for in a window, and those that
    /// are owed back, however old.
    pub async fn book_withdrawals(&self, window: &Window, after: Uuid) -> Result<Vec<Withdrawal>, StoreError> {
        let (from, until) = span(window);
        let in_window = withdrawal::Column::CreatedAt.gte(from).and(withdrawal::Column::CreatedAt.lt(until));
        let rows = withdrawal::Entity::find()
            .filter(in_window.or(is(withdrawal::Column::State, WithdrawalState::Returning.as_str())))
            .filter(withdrawal::Column::Method.eq(WithdrawalMethod::Stripe.as_str()))
            .filter(withdrawal::Column::TransferId.is_not_null())
            .filter(withdrawal::Column::Id.gt(after))
            .order_by_asc(withdrawal::Column::Id)
            .limit(BOOK_PAGE);
        rows.all(self.read()).await?.into_iter().map(Withdrawal::try_from).collect()
    }

    /// Disputed payments that came in a window, behind `after`.
    pub async fn book_card_disputes(&self, window: &Window, after: Uuid) -> Result<Vec<CardDispute>, StoreError> {
        let (from, until) = span(window);
        let rows = card_dispute::Entity::find()
            .filter(card_dispute::Column::CreatedAt.gte(from))
            .filter(card_dispute::Column::CreatedAt.lt(until))
            .filter(card_dispute::Column::Id.gt(after))
            .order_by_asc(card_dispute::Column::Id)
            .limit(BOOK_PAGE);
        rows.all(self.read()).await?.into_iter().map(CardDispute::try_from).collect()
    }

    /// Paid or not, the top-ups of these payments of the provider.
    pub async fn top_ups_of_payments(&self, payments: &[String]) -> Result<Vec<StoredTopUp>, StoreError> {
        let rows = top_up::Entity::find().filter(top_up::Column::PaymentIntent.is_in(payments));
        rows.all(self.read()).await?.into_iter().map(StoredTopUp::try_from).collect()
    }

    /// The refunds with these ids of the provider.
    pub async fn card_refunds_of(&self, refunds: &[String]) -> Result<Vec<CardRefund>, StoreError> {
        let rows = card_refund::Entity::find().filter(card_refund::Column::RefundId.is_in(refunds));
        rows.all(self.read()).await?.into_iter().map(CardRefund::try_from).collect()
    }

    /// The withdrawals that these transfers of the provider carried out.
    pub async fn withdrawals_of_transfers(&self, transfers: &[String]) -> Result<Vec<Withdrawal>, StoreError> {
        let rows = withdrawal::Entity::find().filter(withdrawal::Column::TransferId.is_in(transfers));
        rows.all(self.read()).await?.into_iter().map(Withdrawal::try_from).collect()
    }

    /// The disputed payments with these ids of the provider.
    pub async fn card_disputes_of(&self, disputes: &[String]) -> Result<Vec<CardDispute>, StoreError> {
        let rows = card_dispute::Entity::find().filter(card_dispute::Column::StripeId.is_in(disputes));
        rows.all(self.read()).await?.into_iter().map(CardDispute::try_from).collect()
    }
}
