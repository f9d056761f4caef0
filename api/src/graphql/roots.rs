//! The parts of the root types. Each field is asked of one part after another, as a future within a future: few parts of few keep
//! the stack that this takes small.

use async_graphql::MergedObject;

use super::{
    api_key, bid, campaign, card_dispute, card_refund, chargeback, client, confirmation, consent, delivery, deposit, destination,
    dispute, email, form, import, lead, lead_hook, ledger, listing, member, offer, onboarding, organization, outcome, payout,
    receipt, reveal, server, session, suppression, top_up, trade, user, vertical, wallet, wallet_alert, webhook,
};

/// Organizations, their people and their keys.
#[derive(Debug, Default, MergedObject)]
pub(super) struct AccountQuery(
    server::ServerQuery,
    organization::OrganizationQuery,
    member::MemberQuery,
    session::SessionQuery,
    api_key::ApiKeyQuery,
    reveal::RevealQuery,
);

/// Organizations, their people and their keys.
#[derive(Debug, Default, MergedObject)]
pub(super) struct AccountMutation(
    organization::OrganizationMutation,
    member::MemberMutation,
    session::SessionMutation,
    user::UserMutation,
    email::EmailMutation,
    api_key::ApiKeyMutation,
);

/// Where leads come from.
#[derive(Debug, Default, MergedObject)]
pub(super) struct SupplyQuery(
    vertical::VerticalQuery,
    lead::LeadQuery,
    import::ImportQuery,
    lead_hook::LeadHookQuery,
    form::FormQuery,
    suppression::SuppressionQuery,
);

/// Where leads come from.
#[derive(Debug, Default, MergedObject)]
pub(super) struct SupplyMutation(
    vertical::VerticalMutation,
    lead::LeadMutation,
    import::ImportMutation,
    lead_hook::LeadHookMutation,
    form::FormMutation,
    suppression::SuppressionMutation,
    confirmation::ConfirmationMutation,
    consent::ConsentMutation,
);

/// How leads are sold.
#[derive(Debug, Default, MergedObject)]
pub(super) struct MarketQuery(
    listing::ListingQuery,
    bid::BidQuery,
    campaign::CampaignQuery,
    offer::OfferQuery,
    receipt::ReceiptQuery,
    trade::TradeQuery,
);

/// How leads are sold.
#[derive(Debug, Default, MergedObject)]
pub(super) struct MarketMutation(
    listing::ListingMutation,
    bid::BidMutation,
    campaign::CampaignMutation,
    offer::OfferMutation,
    trade::TradeMutation,
);

/// What becomes of leads that were sold.
#[derive(Debug, Default, MergedObject)]
pub(super) struct QualityQuery(
    dispute::DisputeQuery,
    dispute::DeskQuery,
    dispute::ExchangeDisputeQuery,
    outcome::OutcomeQuery,
    client::ClientQuery,
);

/// What becomes of leads that were sold.
#[derive(Debug, Default, MergedObject)]
pub(super) struct QualityMutation(
    dispute::DisputeMutation,
    dispute::DeskMutation,
    outcome::OutcomeMutation,
    client::ClientMutation,
);

/// Wallets, and what moves money.
#[derive(Debug, Default, MergedObject)]
pub(super) struct MoneyQuery(
    wallet::WalletQuery,
    wallet_alert::WalletAlertQuery,
    deposit::DepositQuery,
    top_up::TopUpQuery,
    card_refund::CardRefundQuery,
    card_dispute::CardDisputeQuery,
    chargeback::ChargebackQuery,
    onboarding::OnboardingQuery,
    ledger::LedgerQuery,
);

/// Wallets, and what moves money.
#[derive(Debug, Default, MergedObject)]
pub(super) struct MoneyMutation(
    wallet::WalletMutation,
    wallet_alert::WalletAlertMutation,
    deposit::DepositMutation,
    top_up::TopUpMutation,
    card_refund::CardRefundMutation,
    card_dispute::CardDisputeMutation,
    chargeback::ChargebackMutation,
    onboarding::OnboardingMutation,
    payout::PayoutMutation,
    ledger::LedgerMutation,
);

/// Where bought leads and news of them are brought.
#[derive(Debug, Default, MergedObject)]
pub(super) struct OutwardQuery(destination::DestinationQuery, delivery::DeliveryQuery, webhook::WebhookQuery);

/// Where bought leads and news of them are brought.
#[derive(Debug, Default, MergedObject)]
pub(super) struct OutwardMutation(destination::DestinationMutation, delivery::DeliveryMutation, webhook::WebhookMutation);
