//! Previews: what a draft would have met, and that nothing of a single lead is told.

use serde_json::{Value, json};

use super::stand::{draft, money};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::fund;
use crate::market::stand::{self, LeadSpec, vertical};

const PREVIEW: &str = "query($input: CampaignInput!) { campaignPreview(input: $input) {
    since lookedAt complete leads matching admitted postalIgnored sellerIgnored won spent { amount }
    sharedPrices { count least { amount } median { amount } greatest { amount } }
    exclusivePrices { count least { amount } median { amount } greatest { amount } }
    formats { format matching won spent { amount } } } }";

async fn preview(x: &Exchange, buyer: &Actor, draft: Value) -> Value {
    buyer.run(x, PREVIEW, json!({ "input": draft })).await["campaignPreview"].clone()
}

fn some(preview: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| preview[field].clone()).collect()
}

fn fixed(shared: &str) -> Value {
    json!({ "fixed": { "sharedPrice": money(shared) } })
}

on_each_backend! {
    async fn a_draft_is_run_over_the_past(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let other = vertical(&x, "boats").await;
        let (seller, buyer, rival) = (x.organization("Seller").await, x.organization("Buyer").await, x.organization("Rival").await);
        fund(&x.app, rival.org(), 1_000_000).await;
        fund(&x.app, buyer.org(), 1_000_000).await;
        for n in 0..7 {
            let spec = LeadSpec { attributes: json!({ "car": "VAN" }), ..LeadSpec::of(auto) };
            let lead = stand::lead(&x, seller.org(), spec).await;
            let listing = stand::listed(&x, &seller, lead, 2, None, fixed("5.50")).await;
            if n < 6 {
                x.clock.advance_secs(10);
                let bought = stand::buy(&x, &rival, &listing, "SHARED", &format!("k{n}")).await;
                assert_eq!(bought["userErrors"], json!([]));
            }
        }
        for _ in 0..5 {
            let spec = LeadSpec { attributes: json!({ "car": "SEDAN" }), ..LeadSpec::of(auto) };
            let lead = stand::lead(&x, seller.org(), spec).await;
            stand::listed(&x, &seller, lead, 2, None, fixed("99.00")).await;
        }
        // Its own, another's, and one of another vertical.
        let own = stand::lead(&x, buyer.org(), LeadSpec::of(auto)).await;
        stand::listed(&x, &buyer, own, 2, None, fixed("1.00")).await;
        for target in [rival.org(), seller.org()] {
            let targeted = stand::lead(&x, seller.org(), LeadSpec { target: Some(target), ..LeadSpec::of(auto) }).await;
            stand::listed(&x, &seller, targeted, 1, None, json!({ "fixed": { "exclusivePrice": money("1.00") } })).await;
        }
        let boat = stand::lead(&x, seller.org(), LeadSpec::of(other)).await;
        stand::listed(&x, &seller, boat, 2, None, fixed("1.00")).await;

        let vans = json!({ "filter": { "attribute": { "key": "car", "equals": "VAN" } } });
        let seen = preview(&x, &buyer, draft(vans.clone())).await;
        assert_eq!(some(&seen, &["lookedAt", "complete", "leads", "matching", "admitted"]), json!([10, true, 10, 5, 5]), "{seen:#}");
        let six = json!({ "amount": "5.50" });
        assert_eq!(seen["sharedPrices"], json!({ "count": 5, "least": six, "median": six, "greatest": six }));
        assert_eq!(seen["exclusivePrices"], Value::Null);
        // Seven at 5.50 are 38.50.
        assert_eq!(some(&seen, &["won", "spent"]), json!([5, { "amount": "39.00" }]));
        assert_eq!(seen["formats"], json!([{ "format": "FIXED", "matching": 5, "won": 5, "spent": { "amount": "39.00" } }]));
        assert_eq!(x.count("campaign").await, 0);

        let cheap = preview(&x, &buyer, draft(json!({ "filter": vans["filter"], "price": { "shared": money("5.49") } }))).await;
        assert_eq!(some(&cheap, &["matching", "admitted", "won", "spent"]), json!([5, 5, 0, null]));
        let capped = draft(json!({ "filter": vans["filter"], "caps": [{ "period": "TOTAL", "leads": 5 }] }));
        let capped = preview(&x, &buyer, capped).await;
        assert_eq!(some(&capped, &["matching", "admitted", "won", "spent"]), json!([5, 5, 5, { "amount": "28.00" }]));
        let closed = draft(json!({ "schedule": [{ "days": ["SUNDAY"], "from": "00:00", "until": "24:00" }] }));
        assert_eq!(some(&preview(&x, &buyer, closed).await, &["matching", "admitted", "won"]), json!([10, 0, 0]));
        let dollars = draft(json!({ "currencyCode": "USD", "price": { "shared": { "amount": "9", "currencyCode": "USD" } } }));
        assert_eq!(some(&preview(&x, &buyer, dollars).await, &["lookedAt", "leads"]), json!([0, 0]));

        x.clock.advance_secs(2_592_001);
        let later = preview(&x, &buyer, draft(vans)).await;
        assert_eq!(some(&later, &["lookedAt", "leads", "matching"]), json!([0, 0, 0]));
    }

    async fn what_a_buyer_has_is_not_won_and_tells_it_nothing_new(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let (seller, buyer, rival) = (x.organization("Seller").await, x.organization("Buyer").await, x.organization("Rival").await);
        fund(&x.app, rival.org(), 1_000_000).await;
        fund(&x.app, buyer.org(), 1_000_000).await;
        // The buyer knows five of the prices; a sixth would stand out among them.
        for n in 0..6 {
            let lead = stand::lead(&x, seller.org(), LeadSpec { phone: Some(["1", "2", "3", "4", "5", "6"][n]), ..LeadSpec::of(auto) }).await;
            let listing = stand::listed(&x, &seller, lead, 2, None, fixed(if n < 5 { "1.00" } else { "7.77" })).await;
            let who = if n < 5 { &buyer } else { &rival };
            assert_eq!(stand::buy(&x, who, &listing, "SHARED", &format!("k{n}")).await["userErrors"], json!([]));
        }
        // The same person again, from another lead.
        let again = stand::lead(&x, seller.org(), LeadSpec { phone: Some("1"), ..LeadSpec::of(auto) }).await;
        stand::listed(&x, &seller, again, 2, None, fixed("1.00")).await;
        let seen = preview(&x, &buyer, draft(json!({}))).await;
        assert_eq!(some(&seen, &["matching", "admitted", "sharedPrices", "won", "spent"]), json!([5, 5, null, 0, null]));
        let other = x.organization("Other").await;
        assert_eq!(some(&preview(&x, &other, draft(json!({}))).await, &["matching", "won"]), json!([5, 5]));
    }

    async fn auctions_are_cleared_again_and_falling_prices_taken(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let (seller, buyer, rival) = (x.organization("Seller").await, x.organization("Buyer").await, x.organization("Rival").await);
        fund(&x.app, rival.org(), 1_000_000).await;
        for _ in 0..5 {
            let lead = stand::lead(&x, seller.org(), LeadSpec::of(auto)).await;
            let terms = json!({ "auction": { "pricing": "SECOND_PRICE", "exclusiveReserve": money("2.00") } });
            let listing = stand::listed(&x, &seller, lead, 1, Some(60), terms).await;
            stand::placed(&x, &rival, &listing, None, Some("10.00")).await;
            let lead = stand::lead(&x, seller.org(), LeadSpec::of(auto)).await;
            let terms = json!({ "dutch": { "start": money("9.00"), "floor": money("3.00"), "step": money("2.00"), "intervalSecs": 60 } });
            stand::listed(&x, &seller, lead, 1, Some(3_600), terms).await;
        }
        let exclusive = |amount: &str| draft(json!({ "price": { "exclusive": money(amount) } }));
        let open = preview(&x, &buyer, exclusive("50.00")).await;
        let format = |preview: &Value, format: &str| {
            let formats = preview["formats"].as_array().unwrap();
            some(formats.iter().find(|each| each["format"] == format).unwrap(), &["matching", "won", "spent"])
        };
        assert_eq!(format(&open, "AUCTION"), json!([5, 0, null]), "nothing is cleared yet");
        assert_eq!(format(&open, "DUTCH"), json!([5, 5, { "amount": "45.00" }]));
        assert_eq!(format(&preview(&x, &buyer, exclusive("6.00")).await, "DUTCH"), json!([5, 0, null]), "not fallen so far yet");
        x.clock.advance_secs(120);
        assert_eq!(api::app::listings::listings_close_due(&x.app).await.unwrap(), 5);
        assert_eq!(format(&preview(&x, &buyer, exclusive("6.00")).await, "DUTCH"), json!([5, 5, { "amount": "25.00" }]));
        // Sealed bids are blurred by a tenth at most: far above and far below it is certain.
        let high = preview(&x, &buyer, exclusive("50.00")).await;
        assert_eq!(format(&high, "AUCTION")[1], 5);
        let spent: f64 = format(&high, "AUCTION")[2]["amount"].as_str().unwrap().parse().unwrap();
        assert!((44.0..=56.0).contains(&spent), "{spent}");
        assert_ne!(spent, 50.0, "with these listings' blurs");
        assert_eq!(format(&preview(&x, &buyer, exclusive("8.00")).await, "AUCTION"), json!([5, 0, null]));
        assert_eq!(preview(&x, &buyer, exclusive("50.00")).await, high, "the same each time");
    }

    async fn what_lies_sealed_counts_as_fulfilled(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        for _ in 0..5 {
            let lead = stand::lead(&x, seller.org(), LeadSpec::of(auto)).await;
            stand::listed(&x, &seller, lead, 2, None, fixed("1.00")).await;
        }
        let told = async |filter: Value| some(&preview(&x, &buyer, draft(json!({ "filter": filter }))).await, &["matching", "postalIgnored", "sellerIgnored"]);
        assert_eq!(told(json!({ "country": ["PT"] })).await, json!([5, false, false]));
        assert_eq!(told(json!({ "postalPrefix": ["9999"] })).await, json!([5, true, false]));
        assert_eq!(told(json!({ "not": { "missing": "POSTAL_CODE" } })).await, json!([5, true, false]));
        for who in [&seller, &buyer] {
            assert_eq!(told(json!({ "seller": [who.org().to_string()] })).await, json!([5, false, true]));
            assert_eq!(told(json!({ "not": { "seller": [who.org().to_string()] } })).await, json!([5, false, true]));
        }
        assert_eq!(told(json!({ "all": [{ "postalPrefix": ["9999"] }, { "country": ["NO"] }] })).await, json!([0, true, false]));
    }

    async fn a_preview_takes_so_many_statements_and_is_asked_for_so_often(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        let count = async || {
            let (answer, statements) = x.counted(buyer.principal.clone(), PREVIEW, json!({ "input": draft(json!({})) })).await;
            assert!(answer.get("errors").is_none(), "{answer:#}");
            statements
        };
        let mut counts = Vec::new();
        for _ in 0..2 {
            for _ in 0..6 {
                let lead = stand::lead(&x, seller.org(), LeadSpec::of(auto)).await;
                stand::listed(&x, &seller, lead, 2, None, fixed("1.00")).await;
            }
            counts.push(count().await);
        }
        assert_eq!(counts[0], counts[1]);
        for _ in 2..120 {
            count().await;
        }
        let input = json!({ "input": draft(json!({})) });
        let answer = buyer.execute(&x, PREVIEW, input.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{answer:#}");
        x.clock.advance_secs(3_600);
        assert!(buyer.execute(&x, PREVIEW, input).await.get("errors").is_none());
    }

    async fn a_draft_that_is_wrong_is_refused_with_its_place(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let before = x.row_counts().await;
        let refused = async |draft: Value| {
            let answer = buyer.execute(&x, PREVIEW, json!({ "input": draft })).await;
            answer["errors"][0]["extensions"].clone()
        };
        let shoe = draft(json!({ "filter": { "not": { "attribute": { "key": "shoe", "equals": "1" } } } }));
        assert_eq!(refused(shoe).await, json!({ "code": "INVALID", "argument": "input.filter.not.attribute.key" }));
        let zero = draft(json!({ "price": { "shared": money("0") } }));
        assert_eq!(refused(zero).await, json!({ "code": "INVALID", "argument": "input.price.shared.amount" }));
        assert_eq!(refused(draft(json!({ "vertical": "nowhere" }))).await, json!({ "code": "NOT_FOUND", "argument": "input.vertical" }));
        assert_eq!(x.row_counts().await, before);
    }
}
