//! Who takes part: two sellers, six buyers, an operator, three arbiters. Each acts as itself, through the use cases.

use std::sync::Arc;

use domain::access::{Principal, Role, StaffRole};
use domain::id::{OrganizationId, UserId};
use secrecy::SecretString;

use super::DemoError;
use super::advertiser::{ADVERTISERS, Advertiser};
use super::agency::{AGENCIES, Agency};
use crate::app::organization::{OrganizationRegister, organization_register};
use crate::app::staff::{StaffAdd, staff_add};
use crate::app::{App, Caller};

/// The password of everybody in the demo; printed at its end.
pub const PASSWORD: &str = "clearlead-demo-2026";

/// Arbiters: an appeal takes another one, and the two of a large price a third.
const ARBITERS: [&str; 3] = ["Irene Costa", "Jonas Weber", "Lena Novak"];

/// Somebody who acts.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// How it calls the use cases.
    pub(crate) caller: Caller,
    /// How it logs in.
    pub(crate) email: String,
}

/// A member of an organization.
#[derive(Debug, Clone)]
pub(crate) struct Trader<W> {
    /// Which part it plays.
    pub(crate) who: W,
    /// The organization.
    pub(crate) organization: OrganizationId,
    /// Its owner.
    pub(crate) actor: Actor,
}

/// Everybody.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) sellers: Vec<Trader<Agency>>,
    pub(crate) buyers: Vec<Trader<Advertiser>>,
    pub(crate) operator: Actor,
    pub(crate) arbiters: Vec<(UserId, Actor)>,
}

/// A log-in, for the end of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Which part.
    pub role: String,
    /// The address.
    pub email: String,
}

impl Cast {
    /// Registers everybody.
    pub(crate) async fn assemble(app: &App) -> Result<Self, DemoError> {
        let mut sellers = Vec::new();
        for who in AGENCIES {
            sellers.push(register(app, who, who.as_str(), who.domain()).await?);
        }
        let mut buyers = Vec::new();
        for who in ADVERTISERS {
            buyers.push(register(app, who, who.as_str(), who.domain()).await?);
        }
        let (_, operator) = staff(app, "operator@exchange.example", "Olga Marsh", StaffRole::Operator).await?;
        let mut arbiters = Vec::new();
        for (number, name) in (1..).zip(ARBITERS) {
            arbiters.push(staff(app, &format!("arbiter{number}@exchange.example"), name, StaffRole::Arbiter).await?);
        }
        Ok(Self { sellers, buyers, operator, arbiters })
    }

    /// One log-in for each part.
    pub(crate) fn logins(&self) -> Vec<Login> {
        let of = |role: String, actor: &Actor| Login { role, email: actor.email.clone() };
        let seller = self.sellers.first().map(|seller| of(format!("seller ({})", seller.who.as_str()), &seller.actor));
        let buyer = self.buyers.get(1).map(|buyer| of(format!("buyer ({})", buyer.who.as_str()), &buyer.actor));
        let arbiter = self.arbiters.first().map(|(_, actor)| of("arbiter".to_owned(), actor));
        [seller, buyer, arbiter, Some(of("operator".to_owned(), &self.operator))].into_iter().flatten().collect()
    }
}

fn caller(principal: Principal) -> Caller {
    Caller { principal, request_id: Arc::from("demo"), address: None }
}

async fn register<W>(app: &App, who: W, name: &str, domain: &str) -> Result<Trader<W>, DemoError> {
    let email = format!("owner@{domain}");
    let input = OrganizationRegister {
        name: name.to_owned(),
        country: "PT".to_owned(),
        time_zone: "Europe/Lisbon".to_owned(),
        locale: "en".to_owned(),
        owner_name: format!("Owner of {name}"),
        email: email.clone(),
        password: SecretString::from(PASSWORD),
        referrer: None,
    };
    let (organization, tokens) = organization_register(app, &caller(Principal::Anonymous), input).await?;
    let user = tokens.principal.user().ok_or(DemoError::Unexpected("a registration without its owner"))?;
    let principal = Principal::Member { user, organization: organization.id, role: Role::Owner };
    Ok(Trader { who, organization: organization.id, actor: Actor { caller: caller(principal), email } })
}

async fn staff(app: &App, email: &str, name: &str, role: StaffRole) -> Result<(UserId, Actor), DemoError> {
    let password = SecretString::from(PASSWORD);
    let new = StaffAdd { email: email.to_owned(), name: name.to_owned(), role, password, existing: false };
    let (user, _) = staff_add(app, new).await?;
    let principal = Principal::Staff { user, role };
    Ok((user, Actor { caller: caller(principal), email: email.to_owned() }))
}
