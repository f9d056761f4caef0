//! A buyer's standing order: which leads it wants, at what price, how many, and when.

mod analysis;
mod ask;
mod caps;
mod explain;
mod facts;
mod filter;
mod preview;
mod schedule;
mod sight;
mod state;
mod terms;
mod zones;

pub use ask::{Ask, AttributeAsk, filter_fit};
pub use caps::{Cap, Count, Period, Usage};
pub use explain::{Explanation, Situation};
pub use facts::{ConsentKind, Fact, Facts, Traits, fold, fold_postal, rank};
pub use filter::{Field, Filter, MAX_DEPTH, MAX_LEAVES, MAX_VALUES, Predicate, Scalar, Span, Test};
pub use preview::{BLUR_BP, LEAST_TOLD, Outlook, PastListing, PastSale, PersonBought, Preview, Spread, Won};
pub use schedule::{DAY_MINUTES, DaySpan, Schedule, Weekday};
pub use sight::{Sight, Traced};
pub use state::{
    CampaignChange, CampaignState, PauseReason, Standing, campaign_archive, campaign_change, campaign_pause, campaign_resume,
    drawn,
};
pub use terms::{
    Amounts, AmountsDraft, CallOut, CapDraft, MAX_DUPLICATE_SECS, MAX_NAME, MAX_RULES, MAX_TIE_WEIGHT, Price, PriceRule, Terms,
    TermsDraft, possible, terms,
};
pub use zones::local_minute;
