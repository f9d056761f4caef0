//! Who takes part: agencies that sell, advertisers that buy, an operator that records their deposits.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::access::{Principal, Role, StaffRole};
use domain::id::OrganizationId;
use domain::money::{Currency, Money};
use futures::{StreamExt, TryStreamExt};
use secrecy::SecretString;

use super::progress::Progress;
use super::{SimulateError, Simulation};
use crate::app::organization::{OrganizationRegister, organization_register};
use crate::app::staff::{StaffAdd, staff_add};
use crate::app::wallet::{DepositRecord, deposit_record};
use crate::app::{App, Caller};
use crate::demo::dice::Dice;

/// Companies that are registered at the same time.
const AT_ONCE: usize = 16;

/// Nobody logs in with it.
const PASSWORD: &str = "clearlead-simulation-2026";

/// Of 1,000 buyers so many have hardly any money.
const POOR_PER_MILLE: u32 = 30;

/// A company and who acts for it.
#[derive(Debug, Clone)]
pub(super) struct Company {
    pub(super) organization: OrganizationId,
    pub(super) caller: Caller,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) sellers: Vec<Company>,
    pub(super) buyers: Vec<Company>,
    pub(super) operator: Caller,
    places: BTreeMap<OrganizationId, usize>,
    /// What all buyers paid in, in minor units.
    pub(super) deposited_minor: i64,
}

impl Cast {
    /// Registers everybody, and pays in for the buyers.
    pub(super) async fn assemble(app: &App, asked: &Simulation, progress: &Progress) -> Result<Self, SimulateError> {
        let operator = operator(app).await?;
        progress.begin("companies", u64::from(asked.sellers).saturating_add(asked.buyers.into()));
        let sellers = register(app, "Agency", asked.sellers, progress).await?;
        let buyers = register(app, "Advertiser", asked.buyers, progress).await?;
        progress.begin("deposits", asked.buyers.into());
        let mut deposited_minor: i64 = 0;
        for (number, buyer) in (0_u64..).zip(&buyers) {
            let mut dice = Dice::of(asked.seed, "wallet", number);
            let euros = if dice.chance(POOR_PER_MILLE) { dice.between(5, 60) } else { dice.between(2_000, 50_000) };
            let amount = Money::new(i64::from(euros).saturating_mul(100), Currency::EUR);
            let input = DepositRecord { organization: buyer.organization, amount, bank_reference: format!("Deposit {number}") };
            deposit_record(app, &operator, &format!("deposit-{number}"), input).await?;
            deposited_minor = deposited_minor.saturating_add(amount.minor);
            progress.step();
        }
        let places = buyers.iter().enumerate().map(|(place, buyer)| (buyer.organization, place)).collect();
        Ok(Self { sellers, buyers, operator, places, deposited_minor })
    }

    /// The buyer of this organization.
    pub(super) fn buyer(&self, organization: OrganizationId) -> Option<&Company> {
        self.buyers.get(*self.places.get(&organization)?)
    }

    /// One of the buyers, by chance.
    pub(super) fn some_buyer(&self, dice: &mut Dice) -> Option<&Company> {
        some(&self.buyers, dice)
    }

    /// One of the sellers, by chance.
    pub(super) fn some_seller(&self, dice: &mut Dice) -> Option<&Company> {
        some(&self.sellers, dice)
    }
}

fn some<'a>(companies: &'a [Company], dice: &mut Dice) -> Option<&'a Company> {
    let place = dice.below(u32::try_from(companies.len()).unwrap_or(u32::MAX));
    companies.get(usize::try_from(place).unwrap_or(0))
}

fn caller(principal: Principal) -> Caller {
    Caller { principal, request_id: Arc::from("simulation"), address: None }
}

async fn operator(app: &App) -> Result<Caller, SimulateError> {
    let new = StaffAdd {
        email: "operator@simulation.example".to_owned(),
        name: "Olga Operator".to_owned(),
        role: StaffRole::Operator,
        password: SecretString::from(PASSWORD),
        existing: false,
    };
    let (user, _) = staff_add(app, new).await?;
    Ok(caller(Principal::Staff { user, role: StaffRole::Operator }))
}

async fn register(app: &App, name: &str, count: u32, progress: &Progress) -> Result<Vec<Company>, SimulateError> {
    let each = |number: u32| async move {
        let input = OrganizationRegister {
            name: format!("{name} {number}"),
            country: "PT".to_owned(),
            time_zone: "Europe/Lisbon".to_owned(),
            locale: "en".to_owned(),
            owner_name: format!("Owner of {name} {number}"),
            email: format!("owner@{}{number}.example", name.to_lowercase()),
            password: SecretString::from(PASSWORD),
            referrer: None,
        };
        let (organization, tokens) = organization_register(app, &caller(Principal::Anonymous), input).await?;
        let user = tokens.principal.user().ok_or(SimulateError::Unexpected("a registration without its owner"))?;
        let principal = Principal::Member { user, organization: organization.id, role: Role::Owner };
        progress.step();
        Ok(Company { organization: organization.id, caller: caller(principal) })
    };
    futures::stream::iter(0..count).map(each).buffered(AT_ONCE).try_collect().await
}
