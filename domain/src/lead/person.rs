//! What a lead says about itself beyond contact data: demographics of a person, firmographics of a company.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// Gender.
    Gender {
        /// Female.
        Female = "FEMALE",
        /// Male.
        Male = "MALE",
        /// Neither.
        Other = "OTHER",
    }
}

text_enum! {
    /// Marital status.
    MaritalStatus {
        /// Never married.
        Single = "SINGLE",
        /// Married.
        Married = "MARRIED",
        /// Living together, registered or not.
        Partnered = "PARTNERED",
        /// Divorced or separated.
        Divorced = "DIVORCED",
        /// Widowed.
        Widowed = "WIDOWED",
    }
}

text_enum! {
    /// Occupation.
    Occupation {
        /// Managers.
        Management = "MANAGEMENT",
        /// Professionals and specialists.
        Professional = "PROFESSIONAL",
        /// Technicians.
        Technician = "TECHNICIAN",
        /// Clerks and administration.
        Administrative = "ADMINISTRATIVE",
        /// Sales and services.
        Services = "SERVICES",
        /// Skilled and unskilled manual work.
        Manual = "MANUAL",
        /// Work in other people's households.
        Domestic = "DOMESTIC",
        /// Works on their own account.
        SelfEmployed = "SELF_EMPLOYED",
        /// Owns a company.
        Entrepreneur = "ENTREPRENEUR",
        /// Keeps their own household.
        Homemaker = "HOMEMAKER",
        /// Student.
        Student = "STUDENT",
        /// Retired.
        Retired = "RETIRED",
        /// Without work.
        Unemployed = "UNEMPLOYED",
        /// Something else.
        Other = "OTHER",
    }
}

text_enum! {
    /// Yearly income before tax, in thousands of the country's currency.
    IncomeBand {
        /// Below 10,000.
        Under10k = "UNDER_10K",
        /// 10,000 to below 25,000.
        From10k = "FROM_10K",
        /// 25,000 to below 50,000.
        From25k = "FROM_25K",
        /// 50,000 to below 75,000.
        From50k = "FROM_50K",
        /// 75,000 to below 100,000.
        From75k = "FROM_75K",
        /// 100,000 and above.
        From100k = "FROM_100K",
    }
}

text_enum! {
    /// Standing with lenders, by the person's own word or a bureau's.
    CreditBand {
        /// In default.
        Bad = "BAD",
        /// Late payments.
        Poor = "POOR",
        /// Neither good nor poor.
        Fair = "FAIR",
        /// Good.
        Good = "GOOD",
        /// Excellent.
        Excellent = "EXCELLENT",
    }
}

text_enum! {
    /// Highest finished education.
    Education {
        /// Primary school or less.
        Primary = "PRIMARY",
        /// Secondary school.
        Secondary = "SECONDARY",
        /// A trade or profession.
        Vocational = "VOCATIONAL",
        /// College or university.
        Tertiary = "TERTIARY",
        /// A doctorate or another degree above the master's.
        Postgraduate = "POSTGRADUATE",
    }
}

text_enum! {
    /// Age in years, as bands: what a buyer sees before the sale.
    AgeBand {
        /// Below 18.
        Under18 = "UNDER_18",
        /// 18 to 24.
        From18 = "FROM_18",
        /// 25 to 34.
        From25 = "FROM_25",
        /// 35 to 44.
        From35 = "FROM_35",
        /// 45 to 54.
        From45 = "FROM_45",
        /// 55 to 64.
        From55 = "FROM_55",
        /// 65 and above.
        From65 = "FROM_65",
    }
}

impl AgeBand {
    /// The band of an age in years.
    #[must_use]
    pub const fn of(age: u8) -> Self {
        match age {
            0..=17 => Self::Under18,
            18..=24 => Self::From18,
            25..=34 => Self::From25,
            35..=44 => Self::From35,
            45..=54 => Self::From45,
            55..=64 => Self::From55,
            _ => Self::From65,
        }
    }
}

text_enum! {
    /// Kind of organization.
    OrganizationType {
        /// A company.
        Commercial = "COMMERCIAL",
        /// A public body.
        Public = "PUBLIC",
        /// An association, a charity.
        Nonprofit = "NONPROFIT",
    }
}

text_enum! {
    /// Number of people in the organization.
    HeadcountBand {
        /// 1 to 9.
        Micro = "MICRO",
        /// 10 to 49.
        Small = "SMALL",
        /// 50 to 249.
        Medium = "MEDIUM",
        /// 250 to 999.
        Large = "LARGE",
        /// 1000 and more.
        Enterprise = "ENTERPRISE",
    }
}

text_enum! {
    /// The decision maker's part in the purchase.
    DecisionRole {
        /// Owner or managing director.
        Owner = "OWNER",
        /// Head of a department.
        DepartmentHead = "DEPARTMENT_HEAD",
        /// Buys for the company.
        Procurement = "PROCUREMENT",
        /// Recommends, and does not decide.
        Influencer = "INFLUENCER",
        /// Will use it.
        User = "USER",
    }
}

text_enum! {
    /// Industry, after the sections of ISIC.
    Industry {
        /// Agriculture, forestry, fishing.
        Agriculture = "AGRICULTURE",
        /// Mining, energy, water.
        Energy = "ENERGY",
        /// Manufacturing.
        Manufacturing = "MANUFACTURING",
        /// Construction.
        Construction = "CONSTRUCTION",
        /// Wholesale and retail trade.
        Trade = "TRADE",
        /// Transport and storage.
        Logistics = "LOGISTICS",
        /// Hotels and restaurants.
        Hospitality = "HOSPITALITY",
        /// Information and communication.
        Information = "INFORMATION",
        /// Finance and insurance.
        Finance = "FINANCE",
        /// Real estate.
        RealEstate = "REAL_ESTATE",
        /// Professional, scientific and technical services.
        ProfessionalServices = "PROFESSIONAL_SERVICES",
        /// Public administration.
        PublicAdministration = "PUBLIC_ADMINISTRATION",
        /// Education.
        Education = "EDUCATION",
        /// Health and social work.
        Health = "HEALTH",
        /// Arts, entertainment, recreation.
        Entertainment = "ENTERTAINMENT",
        /// Something else.
        Other = "OTHER",
    }
}

/// What a private person says about themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Demographics {
    /// Age in whole years.
    pub age: Option<u8>,
    /// Gender.
    pub gender: Option<Gender>,
    /// Marital status.
    pub marital_status: Option<MaritalStatus>,
    /// Occupation.
    pub occupation: Option<Occupation>,
    /// Yearly income.
    pub income_band: Option<IncomeBand>,
    /// Standing with lenders.
    pub credit_band: Option<CreditBand>,
    /// Highest finished education.
    pub education: Option<Education>,
    /// Interests in the person's or the seller's words; at most 20 of at most 60 characters.
    pub interests: Vec<String>,
    /// The language to speak with the person: ISO 639-1, two lower-case letters.
    pub language: Option<String>,
}

/// What a decision maker says about the company.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Firmographics {
    /// Industry.
    pub industry: Option<Industry>,
    /// Kind of organization.
    pub organization_type: Option<OrganizationType>,
    /// Number of people.
    pub headcount_band: Option<HeadcountBand>,
    /// The decision maker's part in the purchase.
    pub decision_role: Option<DecisionRole>,
}
