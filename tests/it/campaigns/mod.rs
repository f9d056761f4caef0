//! Campaigns: their life, their filters, what a preview tells of the past, and what a campaign makes of a lead.

mod explain;
mod filters;
mod life;
mod preview;
mod stand;
