//! Countries by ISO 3166-1 alpha-2 code and English name.

/// `code name` pairs; a country may stand under several names.
const COUNTRIES: &[&str] = &[
    "AF Afghanistan|AL Albania|DZ Algeria|AD Andorra|AO Angola|AG Antigua and Barbuda|AR Argentina|AM Armenia|AU Australia|AT Austria",
    "AZ Azerbaijan|BS Bahamas|BH Bahrain|BD Bangladesh|BB Barbados|BY Belarus|BE Belgium|BZ Belize|BJ Benin|BM Bermuda|BT Bhutan|BO Bolivia",
    "BA Bosnia and Herzegovina|BW Botswana|BR Brazil|BN Brunei|BG Bulgaria|BF Burkina Faso|BI Burundi|CV Cape Verde|CV Cabo Verde|KH Cambodia|CM Cameroon",
    "CA Canada|CF Central African Republic|TD Chad|CL Chile|CN China|CO Colombia|KM Comoros|CG Congo|CD DR Congo|CD Democratic Republic of the Congo",
    "CR Costa Rica|CI Ivory Coast|CI Côte d'Ivoire|HR Croatia|CU Cuba|CY Cyprus|CZ Czechia|CZ Czech Republic|DK Denmark|DJ Djibouti|DM Dominica",
    "DO Dominican Republic|EC Ecuador|EG Egypt|SV El Salvador|GQ Equatorial Guinea|ER Eritrea|EE Estonia|SZ Eswatini|SZ Swaziland|ET Ethiopia|FJ Fiji",
    "FI Finland|FR France|GA Gabon|GM Gambia|GE Georgia|DE Germany|GH Ghana|GI Gibraltar|GR Greece|GL Greenland|GD Grenada|GT Guatemala|GN Guinea",
    "GW Guinea-Bissau|GY Guyana|HT Haiti|HN Honduras|HK Hong Kong|HU Hungary|IS Iceland|IN India|ID Indonesia|IR Iran|IQ Iraq|IE Ireland|IL Israel|IT Italy",
    "JM Jamaica|JP Japan|JO Jordan|KZ Kazakhstan|KE Kenya|KI Kiribati|XK Kosovo|KW Kuwait|KG Kyrgyzstan|LA Laos|LV Latvia|LB Lebanon|LS Lesotho|LR Liberia",
    "LY Libya|LI Liechtenstein|LT Lithuania|LU Luxembourg|MO Macao|MO Macau|MG Madagascar|MW Malawi|MY Malaysia|MV Maldives|ML Mali|MT Malta|MH Marshall Islands",
    "MR Mauritania|MU Mauritius|MX Mexico|FM Micronesia|MD Moldova|MC Monaco|MN Mongolia|ME Montenegro|MA Morocco|MZ Mozambique|MM Myanmar|MM Burma|NA Namibia",
    "NR Nauru|NP Nepal|NL Netherlands|NL The Netherlands|NL Holland|NZ New Zealand|NI Nicaragua|NE Niger|NG Nigeria|KP North Korea|MK North Macedonia|MK Macedonia",
    "NO Norway|OM Oman|PK Pakistan|PW Palau|PS Palestine|PA Panama|PG Papua New Guinea|PY Paraguay|PE Peru|PH Philippines|PL Poland|PT Portugal|PR Puerto Rico",
    "QA Qatar|RO Romania|RU Russia|RU Russian Federation|RW Rwanda|KN Saint Kitts and Nevis|LC Saint Lucia|VC Saint Vincent and the Grenadines|WS Samoa",
    "SM San Marino|ST Sao Tome and Principe|SA Saudi Arabia|SN Senegal|RS Serbia|SC Seychelles|SL Sierra Leone|SG Singapore|SK Slovakia|SI Slovenia",
    "SB Solomon Islands|SO Somalia|ZA South Africa|KR South Korea|KR Korea|SS South Sudan|ES Spain|LK Sri Lanka|SD Sudan|SR Suriname|SE Sweden|CH Switzerland",
    "SY Syria|TW Taiwan|TJ Tajikistan|TZ Tanzania|TH Thailand|TL Timor-Leste|TL East Timor|TG Togo|TO Tonga|TT Trinidad and Tobago|TN Tunisia|TR Turkey|TR Türkiye",
    "TM Turkmenistan|TV Tuvalu|UG Uganda|UA Ukraine|AE United Arab Emirates|AE UAE|GB United Kingdom|GB UK|GB Great Britain|GB England|US United States",
    "US United States of America|US USA|UY Uruguay|UZ Uzbekistan|VU Vanuatu|VA Vatican City|VE Venezuela|VN Vietnam|VN Viet Nam|YE Yemen|ZM Zambia|ZW Zimbabwe",
];

/// The alpha-2 code of a country given by code or by English name, whatever the case.
pub(super) fn code(text: &str) -> Option<&'static str> {
    let wanted = text.trim();
    let same =
        |known: &str| known.eq_ignore_ascii_case(wanted) || (!wanted.is_ascii() && known.to_lowercase() == wanted.to_lowercase());
    let pairs = COUNTRIES.iter().flat_map(|line| line.split('|')).filter_map(|pair| pair.split_once(' '));
    let mut found = pairs.filter(|(code, name)| same(code) || same(name));
    found.next().map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn codes_and_names() {
        assert_eq!(code("India"), Some("IN"));
        assert_eq!(code(" united arab emirates "), Some("AE"));
        assert_eq!(code("pt"), Some("PT"));
        assert_eq!(code("CÔTE D'IVOIRE"), Some("CI"));
        assert_eq!(code("Atlantis"), None);
        assert_eq!(code(""), None);
    }
}
