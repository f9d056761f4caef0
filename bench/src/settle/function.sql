CREATE UNLOGGED TABLE bench_lot (n BIGINT PRIMARY KEY, listing_id UUID NOT NULL);
CREATE UNLOGGED TABLE bench_buyer (n BIGINT PRIMARY KEY, organization_id UUID NOT NULL);
CREATE SEQUENCE bench_next;
CREATE SEQUENCE bench_id CACHE 1000;

-- Ids that grow, as those of the exchange do: milliseconds, then a number.
CREATE FUNCTION bench_uuid() RETURNS uuid LANGUAGE sql AS
$$ SELECT CAST(lpad(to_hex(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)), 12, '0')
    || '7' || lpad(to_hex(nextval('bench_id')), 19, '0') AS uuid) $$;

CREATE FUNCTION bench_purchase(client bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place bigint := nextval('bench_next');
    lot uuid;
    buyer uuid;
    sold listing%ROWTYPE;
    person lead%ROWTYPE;
    paying account%ROWTYPE;
    holding account%ROWTYPE;
    one account%ROWTYPE;
    trade_id uuid := bench_uuid();
    journal_id uuid := bench_uuid();
    now timestamptz;
BEGIN
    SELECT listing_id INTO STRICT lot FROM bench_lot WHERE n = place;
    SELECT organization_id INTO STRICT buyer FROM bench_buyer WHERE n = client;
    PERFORM pg_advisory_xact_lock(hashtextextended(buyer || ' ' || lot, 0));
    PERFORM 1 FROM idempotency WHERE organization_id = buyer AND idempotency_key = CAST(lot AS text);
    SELECT * INTO STRICT sold FROM listing WHERE id = lot FOR NO KEY UPDATE;
    PERFORM 1 FROM organization WHERE id = buyer AND status = 'ACTIVE' AND wallet_frozen_at IS NULL FOR NO KEY UPDATE;
    now := clock_timestamp();
    IF sold.state <> 'OPEN' OR sold.closes_at <= now THEN
        RAISE EXCEPTION 'sold';
    END IF;
    SELECT * INTO STRICT person FROM lead WHERE id = sold.lead_id;
    PERFORM 1 FROM organization WHERE id = sold.seller_id AND status = 'ACTIVE';
    PERFORM 1 FROM reputation WHERE organization_id = sold.seller_id AND side = 'SELLER';
    PERFORM 1 FROM setting WHERE name = 'money_stop';
    IF person.state <> 'VERIFIED' OR EXISTS (SELECT 1 FROM trade WHERE trade.lead_id = sold.lead_id AND trade.buyer_id = buyer)
        OR EXISTS (SELECT 1 FROM lead_key AS own JOIN lead_key AS other ON other.hash = own.hash AND other.kind = own.kind
            JOIN trade ON trade.lead_id = other.lead_id AND trade.buyer_id = buyer AND trade.state <> 'REFUNDED'
            WHERE own.lead_id = sold.lead_id AND own.kind IN ('PHONE', 'EMAIL')) THEN
        RAISE EXCEPTION 'not for this buyer';
    END IF;
    FOR one IN SELECT * FROM account WHERE (organization_id = buyer AND kind = 'AVAILABLE' AND currency = sold.currency)
        OR (organization_id = sold.seller_id AND kind = 'ESCROW' AND currency = sold.currency) ORDER BY id FOR NO KEY UPDATE
    LOOP
        IF one.kind = 'ESCROW' THEN holding := one; ELSE paying := one; END IF;
    END LOOP;
    IF holding.id IS NULL THEN
        INSERT INTO account VALUES (bench_uuid(), sold.seller_id, 'ESCROW', 0, sold.currency, 0, 0, now)
            ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT holding FROM account WHERE organization_id = sold.seller_id AND kind = 'ESCROW'
            AND currency = sold.currency FOR NO KEY UPDATE;
    END IF;
    UPDATE account SET balance_minor = balance_minor - sold.price_minor, version = version + 1 WHERE id = paying.id;
    UPDATE account SET balance_minor = balance_minor + sold.price_minor, version = version + 1 WHERE id = holding.id;
    INSERT INTO trade (id, listing_id, lead_id, seller_id, buyer_id, exclusive, price_minor, currency, commission_bp, state,
            hold_secs, sold_at, due_at, hold_left_micros)
        VALUES (trade_id, lot, sold.lead_id, sold.seller_id, buyer, TRUE, sold.price_minor, sold.currency, 1000, 'HELD',
            1209600, now, now + interval '1 day', 1209600000000);
    INSERT INTO journal VALUES (journal_id, 'TRADE', 'HOLD', 'TRADE', trade_id, sold.currency, NULL, NULL, now);
    INSERT INTO transfer VALUES (bench_uuid(), journal_id, 0, paying.id, holding.id, sold.price_minor,
        paying.balance_minor - sold.price_minor, paying.version + 1, holding.balance_minor + sold.price_minor,
        holding.version + 1, now);
    UPDATE listing SET state = 'SOLD', sold_count = 1, sold_exclusive = TRUE, ended_at = now, version = version + 1
        WHERE id = lot AND version = sold.version AND state = 'OPEN';
    INSERT INTO idempotency VALUES (buyer, CAST(lot AS text), 'listing_buy', decode(repeat('00', 32), 'hex'),
        jsonb_build_object('listing', lot, 'trade', trade_id), now);
    INSERT INTO event (topic, subject_id, audience, payload, created_at) VALUES
        ('wallet.changed', buyer, jsonb_build_array(buyer), '{}', now),
        ('wallet.changed', sold.seller_id, jsonb_build_array(sold.seller_id), '{}', now),
        ('trade.updated', trade_id, jsonb_build_array(buyer, sold.seller_id), '{"state": "HELD", "version": 0}', now),
        ('listing.changed', lot, '[]', '{"state": "SOLD", "soldCount": 1}', now);
END $$;
