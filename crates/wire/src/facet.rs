//! What people are told apart by in rankings: codes of languages and countries, in one spelling each.

/// Codes of ISO 3166-1 alpha-2 that are assigned, in the order of their letters.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF \
CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH \
GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW \
KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG \
NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN \
SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT \
ZA ZM ZW";

/// Codes that networks still send, and those that stand for them today.
const OLD_LANGUAGES: [(&str, &str); 4] = [("in", "id"), ("iw", "he"), ("ji", "yi"), ("jw", "jv")];
/// Codes that name no language: undetermined, several, none, uncoded, and what X marks posts with that have no words.
const NO_LANGUAGES: [&str; 12] = ["und", "mul", "zxx", "mis", "art", "qam", "qct", "qht", "qme", "qst", "qpl", "root"];

/// The country of a code: the two letters of ISO 3166-1 in capitals; `None` for whatever else a profile says. Names of
/// countries are not read, as they would have to be guessed from free text.
pub fn country_code(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let letters: &[u8; 2] = text.as_bytes().try_into().ok()?;
    let letters = letters.map(|letter| letter.to_ascii_uppercase());
    COUNTRIES.split(' ').find(|code| code.as_bytes() == letters)
}

/// The language of a tag, as in `pt-BR`: its first part, two or three letters, in small ones. `None` for what is not a
/// tag, and for codes that name no language.
pub fn language_code(tag: &str) -> Option<String> {
    let first = tag.trim().split(['-', '_']).next()?;
    let is_code = matches!(first.len(), 2 | 3) && first.bytes().all(|letter| letter.is_ascii_alphabetic());
    let code = is_code.then(|| first.to_ascii_lowercase())?;
    let today = OLD_LANGUAGES.iter().find(|(old, _)| *old == code).map(|(_, today)| (*today).to_owned());
    (!NO_LANGUAGES.contains(&&*code)).then(|| today.unwrap_or(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_a_code_and_nothing_else() {
        for (text, code) in [("NL", Some("NL")), ("nl", Some("NL")), (" De ", Some("DE")), ("ZW", Some("ZW"))] {
            assert_eq!(country_code(text), code, "{text}");
        }
        for text in ["", "N", "NLD", "Netherlands", "Amsterdam, NL", "XX", "UK", "EU", "N ", "ñ", "🇳🇱", "A\0"] {
            assert_eq!(country_code(text), None, "{text}");
        }
        assert_eq!(COUNTRIES.split(' ').count(), 249);
        assert!(COUNTRIES.split(' ').is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_language_is_the_first_part_of_its_tag() {
        for (tag, code) in
            [("nl", "nl"), ("pt-BR", "pt"), ("EN_us", "en"), ("in", "id"), ("zh-Hant-TW", "zh"), ("yue", "yue")]
        {
            assert_eq!(language_code(tag).as_deref(), Some(code), "{tag}");
        }
        for tag in ["", "und", "UND", "zxx", "qme", "n", "dutch", "n1", "ñl", "-", "x-klingon", "i-default"] {
            assert_eq!(language_code(tag), None, "{tag}");
        }
    }
}
