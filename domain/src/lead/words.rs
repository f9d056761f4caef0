//! The words of DESIGN.md section 1, as text enumerations.

use crate::access::{UnknownText, text_enum};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

text_enum! {
    /// Whether the lead stands for itself or for a company.
    Audience {
        /// A private person.
        Consumer = "CONSUMER",
        /// A named decision maker of a company.
        Business = "BUSINESS",
    }
}

text_enum! {
    /// How much contact data came, and how.
    ContactKind {
        /// Name and phone.
        Quick = "QUICK",
        /// Account data of a registration, perhaps without a phone.
        Registration = "REGISTRATION",
        /// Collected offline: an exhibition, a conference, a promotion.
        Promotional = "PROMOTIONAL",
        /// A filled questionnaire, comments, or a time to call.
        Interested = "INTERESTED",
    }
}

text_enum! {
    /// What the person asked for.
    Interest {
        /// A full application, perhaps prepaid.
        Order = "ORDER",
        /// An order of what is not yet there.
        PreOrder = "PRE_ORDER",
        /// Advice.
        Advice = "ADVICE",
        /// A call back.
        Callback = "CALLBACK",
        /// An answer to a message.
        Message = "MESSAGE",
        /// A download.
        Download = "DOWNLOAD",
        /// An account.
        SignUp = "SIGN_UP",
        /// A newsletter or another subscription.
        Subscription = "SUBSCRIPTION",
        /// A filled cart, not yet paid.
        Cart = "CART",
        /// A filled questionnaire.
        Questionnaire = "QUESTIONNAIRE",
        /// A visit, such as a test drive or a viewing.
        Visit = "VISIT",
    }
}

text_enum! {
    /// Who may buy the lead.
    Offering {
        /// Sold by attributes to whoever bids; may be shared.
        ConsumerDemographic = "CONSUMER_DEMOGRAPHIC",
        /// The person answered one advertiser's offer: exclusive to that advertiser.
        Targeted = "TARGETED",
    }
}

text_enum! {
    /// Where the lead came from.
    SourceKind {
        /// Unpaid results of a search engine.
        SearchOrganic = "SEARCH_ORGANIC",
        /// An advertisement beside search results.
        SearchAd = "SEARCH_AD",
        /// A banner.
        Banner = "BANNER",
        /// A teaser network.
        Teaser = "TEASER",
        /// A social network, unpaid.
        Social = "SOCIAL",
        /// An advertisement in a social network.
        SocialAd = "SOCIAL_AD",
        /// E-mail to subscribers.
        Email = "EMAIL",
        /// The address typed in, or a bookmark.
        Direct = "DIRECT",
        /// A link or a recommendation.
        Referral = "REFERRAL",
        /// A chat on the site.
        Chat = "CHAT",
        /// A network of partners.
        PartnerNetwork = "PARTNER_NETWORK",
        /// An unasked call that ended in a request.
        ColdCall = "COLD_CALL",
        /// A letter.
        Mailing = "MAILING",
        /// A stand at an exhibition.
        Exhibition = "EXHIBITION",
        /// A conference.
        Conference = "CONFERENCE",
        /// A promotion at a point of sale.
        Promotion = "PROMOTION",
    }
}

impl SourceKind {
    /// Whether the lead was met offline, where no page and no session exist.
    #[must_use]
    pub const fn offline(self) -> bool {
        matches!(self, Self::ColdCall | Self::Mailing | Self::Exhibition | Self::Conference | Self::Promotion)
    }
}

text_enum! {
    /// How the seller came to hold the record.
    LeadOrigin {
        /// The person left it of their own accord.
        OwnAccord = "OWN_ACCORD",
        /// It stands in a database that the seller bought.
        PurchasedDatabase = "PURCHASED_DATABASE",
    }
}

text_enum! {
    /// A way to reach a person.
    Channel {
        /// Voice or SMS.
        Phone = "PHONE",
        /// Electronic mail.
        Email = "EMAIL",
        /// A messenger account.
        Messenger = "MESSENGER",
    }
}

text_enum! {
    /// A messenger service.
    MessengerKind {
        /// Telegram.
        Telegram = "TELEGRAM",
        /// WhatsApp.
        Whatsapp = "WHATSAPP",
        /// Viber.
        Viber = "VIBER",
        /// Signal.
        Signal = "SIGNAL",
        /// Facebook Messenger.
        Facebook = "FACEBOOK",
        /// LINE.
        Line = "LINE",
        /// WeChat.
        Wechat = "WECHAT",
    }
}

text_enum! {
    /// How near the person is to buying.
    Temperature {
        /// Far.
        Cold = "COLD",
        /// Interested.
        Warm = "WARM",
        /// About to buy.
        Hot = "HOT",
    }
}

text_enum! {
    /// What verification made of the lead so far.
    LeadState {
        /// Below its vertical's required level.
        Unqualified = "UNQUALIFIED",
        /// At its vertical's required level or above: may be listed.
        Verified = "VERIFIED",
        /// A check failed that rules the lead out.
        Rejected = "REJECTED",
        /// Taken back by its seller.
        Withdrawn = "WITHDRAWN",
        /// A dispute found it to be a pseudo-lead: nobody may list it.
        Quarantined = "QUARANTINED",
        /// Contact data destroyed, on the wish of the person or the seller.
        Erased = "ERASED",
    }
}

text_enum! {
    /// A lead of no business value.
    PseudoLead {
        /// The person mistyped the name, the phone or the address.
        Mistake = "MISTAKE",
        /// A program filled the form.
        Bot = "BOT",
        /// A paid form-filler.
        Hired = "HIRED",
        /// A competitor looking around.
        Competitor = "COMPETITOR",
        /// A joke.
        Prank = "PRANK",
    }
}
