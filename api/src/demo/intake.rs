//! The agencies hand in their files, and see what verification made of the rows.

use domain::lead::LeadState;
use domain::mapping::Target;
use domain::money::{Currency, Money};
use domain::time::plus_secs;
use domain::upload::UploadPurpose;
use domain::verification::{Level, verdict};
use domain::vertical::AttributeValue;
use store::imports::Import;
use store::leads::{LeadFilter, StoredLead};
use store::page::Page;
use tokio_util::io::ReaderStream;

use super::DemoError;
use super::agency::{AGENCIES, MAPPING};
use super::findings::{RefusedRow, TakenLead};
use super::flaw::Flaw;
use super::form::{Form, OPENING, is_aged};
use super::market::{ForSale, MARKET_DAYS, Market};
use super::progress::Progress;
use super::seller::Stock;
use crate::app::imports::{ImportRun, LeadsImport, import_refusals, leads_import};
use crate::app::leads::lead_list;
use crate::app::uploads::{UploadCreate, UploadProof, upload_create, upload_put};
use crate::app::wallet::{DepositRecord, deposit_record};

/// What each advertiser pays in.
const DEPOSIT: Money = Money::new(30_000_000, Currency::EUR);

/// The most leads that an agency lists. What it has beyond stays in stock: six advertisers call no more people in a week.
const LISTED_MAX: usize = 2_500;

/// Rows of one look at a list.
const PAGE_ROWS: u64 = 500;

/// How long the first agency is ahead of the second, in seconds.
const AHEAD_SECS: i64 = 600;

impl Market<'_> {
    /// The advertisers pay in: to the bank, where the operator records it, or by card.
    pub(crate) async fn deposit(&mut self) -> Result<(), DemoError> {
        for (number, buyer) in self.cast.buyers.iter().enumerate() {
            if self.uses_stripe(number) {
                continue;
            }
            let bank_reference = format!("Deposit of {}", buyer.who.as_str());
            let input = DepositRecord { organization: buyer.organization, amount: DEPOSIT, bank_reference };
            let key = format!("deposit-{}", buyer.who.domain());
            deposit_record(self.app, &self.cast.operator.caller, &key, input).await?;
            self.findings.deposited_minor = self.findings.deposited_minor.saturating_add(DEPOSIT.minor);
        }
        for number in 0..self.cast.buyers.len() {
            if self.uses_stripe(number) {
                self.pay_by_card(number, DEPOSIT).await?;
                self.findings.deposited_minor = self.findings.deposited_minor.saturating_add(DEPOSIT.minor);
            }
        }
        Ok(())
    }

    /// Each agency uploads its file and imports it with the demo's mapping.
    pub(crate) async fn hand_in(
        &mut self,
        forms: &[Vec<Form>; 2],
        folder: &std::path::Path,
        progress: &Progress,
    ) -> Result<(), DemoError> {
        for (number, (seller, forms)) in (1_i64..).zip(self.cast.sellers.iter().zip(forms)) {
            let started = self.timings.start();
            progress.begin("importing", u64::try_from(forms.len()).unwrap_or(0));
            let file = seller.who.hand_in(forms, folder)?;
            let caller = &seller.actor.caller;
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let awaited =
                upload_create(self.app, caller, UploadCreate { purpose: UploadPurpose::Leads, file_name: name }).await?;
            let size = std::fs::metadata(&file)?.len();
            let body = ReaderStream::new(tokio::fs::File::open(&file).await?);
            let proof = UploadProof::Token(awaited.token);
            let upload = upload_put(self.app, &proof, awaited.upload.upload.id, Some(size), Box::pin(body)).await?;
            let queued = leads_import(self.app, caller, LeadsImport { upload: upload.id, mapping: MAPPING.to_owned() }).await?;
            let run = ImportRun::claim(self.app, Some(queued.id)).await?;
            let mut run = run.ok_or(DemoError::Unexpected("an import that nobody may run"))?;
            while run.step().await? {
                progress.reach(run.import().tally.read());
            }
            let done = run.import().clone();
            self.count_rows(&done);
            self.note_refusals(&done, number, forms).await?;
            self.clock.set(plus_secs(OPENING, number.saturating_mul(AHEAD_SECS)));
            self.timings.add("import", started);
        }
        Ok(())
    }

    fn count_rows(&mut self, import: &Import) {
        let (rows, tally) = (&mut self.findings.rows, import.tally);
        rows.read = rows.read.saturating_add(tally.read());
        rows.accepted = rows.accepted.saturating_add(tally.accepted);
        rows.refused = rows.refused.saturating_add(tally.refused);
        rows.duplicate = rows.duplicate.saturating_add(tally.duplicate);
    }

    async fn note_refusals(&mut self, import: &Import, number: i64, forms: &[Form]) -> Result<(), DemoError> {
        let index = usize::try_from(number).unwrap_or(1).saturating_sub(1);
        let seller = self.cast.sellers.get(index).ok_or(DemoError::Unexpected("an import of nobody"))?;
        let mut page = Page { first: PAGE_ROWS, after: None };
        loop {
            let slice = import_refusals(self.app, &seller.actor.caller, (import.id, import.seller), &page).await?;
            for refused in slice.rows.iter().filter(|refused| refused.position == 0) {
                // The header is line 1, and no cell holds a line break.
                let row = usize::try_from(refused.line).unwrap_or(usize::MAX).saturating_sub(2);
                let Some(form) = forms.get(row) else { continue };
                let column = refused.column.clone().unwrap_or_else(|| "the row".to_owned());
                let contact = [Target::Name, Target::Phone, Target::Email].iter().any(|target| target.as_str() == column);
                let why = format!("{column}: {}", refused.code.as_str());
                let stops = contact.then_some(Flaw::Mistake);
                self.findings.refused.push(RefusedRow { reference: form.reference, why, stops });
            }
            let Some(last) = slice.rows.last() else { return Ok(()) };
            if !slice.has_next {
                return Ok(());
            }
            let place = (i64::try_from(last.line).unwrap_or(i64::MAX), i64::from(last.position));
            page.after = Some(place);
        }
    }

    /// The agencies read what they have, and decide what to list on which day.
    pub(crate) async fn take_stock(&mut self) -> Result<(), DemoError> {
        let started = self.timings.start();
        self.days = (0..MARKET_DAYS).map(|_| Vec::new()).collect();
        for seller in 0..AGENCIES.len() {
            let mut stock = self.read_stock(seller).await?;
            stock.sort_by_key(|(reference, _)| *reference);
            self.dice("stock", 0, seller).shuffle(&mut stock);
            stock.truncate(LISTED_MAX);
            let days = self.days.len();
            for (place, (_, for_sale)) in stock.into_iter().enumerate() {
                if let Some(day) = place.checked_rem(days).and_then(|day| self.days.get_mut(day)) {
                    day.push(for_sale);
                }
            }
        }
        self.timings.add("stock", started);
        Ok(())
    }

    async fn read_stock(&mut self, seller: usize) -> Result<Vec<(u32, ForSale)>, DemoError> {
        let agency = self.cast.sellers.get(seller).ok_or(DemoError::Unexpected("a seller who is nobody"))?;
        let filter = LeadFilter::default();
        let mut page = Page { first: PAGE_ROWS, after: None };
        let mut stock = Vec::new();
        loop {
            let slice = lead_list(self.app, &agency.actor.caller, &filter, &page).await?;
            page.after = slice.rows.last().map(|lead| lead.id);
            for lead in slice.rows {
                let reference = lead.seller_reference.as_deref().and_then(|text| text.parse().ok());
                let reference: u32 = reference.ok_or(DemoError::Unexpected("a lead without its reference"))?;
                let for_sale = for_sale(&lead, seller);
                self.leads.insert(lead.id, (reference, for_sale.stock.balance));
                self.findings.leads.push(TakenLead {
                    reference,
                    state: lead.state,
                    rejected_by: verdict(&lead.checks, Level::Format).rejected_by,
                    temperature: lead.temperature.as_str().to_owned(),
                });
                if lead.state == LeadState::Verified {
                    stock.push((reference, for_sale));
                }
            }
            if !slice.has_next {
                return Ok(stock);
            }
        }
    }
}

fn for_sale(lead: &StoredLead, seller: usize) -> ForSale {
    let balance = match lead.attributes.get("balance") {
        Some(AttributeValue::Int(balance)) => *balance,
        _ => 0,
    };
    ForSale { lead: lead.id, seller, stock: Stock { score: lead.score, balance, aged: is_aged(lead.captured_at) } }
}
