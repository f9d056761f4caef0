//! What every lead has, as a mapping names it.

use async_graphql::Enum;

/// What every lead has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "gateways::crm::Core")]
pub enum LeadField {
    /// The given name.
    FirstName,
    /// The family name.
    LastName,
    /// Both names.
    FullName,
    /// The name, or else a phone, an e-mail address, or the id: never empty.
    DisplayName,
    /// A heading: the vertical and the name.
    Title,
    /// The answers, one on each line.
    Summary,
    /// The first phone number, in E.164.
    Phone,
    /// All phone numbers.
    Phones,
    /// The first e-mail address.
    Email,
    /// All e-mail addresses.
    Emails,
    /// The country: ISO 3166-1 alpha-2.
    Country,
    /// The region.
    Region,
    /// The city.
    City,
    /// The postal code.
    PostalCode,
    /// The path of the vertical.
    Vertical,
    /// What the buyer paid, as decimal text.
    Price,
    /// The currency of the price.
    Currency,
    /// The id of the lead.
    LeadId,
    /// The id of the trade.
    TradeId,
    /// The id of the delivery, the same at each attempt.
    IdempotencyKey,
    /// When the person left the details.
    SubmittedAt,
    /// When the buyer bought the lead.
    BoughtAt,
    /// The language to speak with the person.
    Language,
    /// Where the lead is opened in the exchange.
    Link,
    /// The name of the exchange.
    Sender,
    /// `true` for a sample, else `false`.
    Test,
}
