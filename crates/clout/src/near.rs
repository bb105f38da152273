//! People whose names are nearly one that nobody has: for "did you mean".

use wire::fold;

/// Names that are given.
const NEAR_MAX: usize = 3;
/// Letters a name must have for one other letter, and for two.
const LETTERS_MIN: [usize; 2] = [4, 8];

/// The nearest names, the nearest first: those that differ by case, `@`, blanks, accents' encoding or a network before or
/// behind them; where there is none, those that differ by a letter or two.
pub(crate) fn near<'n>(user: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut memory = String::new();
    let wanted = fold(user, &mut memory).to_owned();
    let mut found: Vec<(usize, &str)> = names.filter_map(|name| Some((apart(&wanted, name)?, name))).collect();
    found.sort_unstable();
    let is_spelled_alike = found.first().is_some_and(|(apart, _)| *apart < TYPOS);
    let found = found.into_iter().take_while(|(apart, _)| !is_spelled_alike || *apart < TYPOS);
    found.take(NEAR_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// From here on names have other letters.
const TYPOS: usize = 2;

/// How far a name is from a folded one: 0 is the same person's, as far as one can tell.
fn apart(wanted: &str, name: &str) -> Option<usize> {
    let mut memory = String::new();
    let name = fold(name, &mut memory);
    if name == wanted {
        return Some(0);
    }
    if !bare(wanted).is_empty() && bare(name) == bare(wanted) {
        return Some(1);
    }
    let letters = wanted.chars().count();
    let typos = LETTERS_MIN.iter().filter(|&&min| letters >= min).count();
    if letters.abs_diff(name.chars().count()) > typos {
        return None;
    }
    let typos_found = strsim::osa_distance(wanted, name);
    (typos_found <= typos).then_some(TYPOS + typos_found)
}

/// A folded name without its network: `ana` of `twitter:ana`, `bluesky:did:plc:ana` and `ana@example.org`.
fn bare(name: &str) -> &str {
    let name = name.rsplit(':').next().unwrap_or(name);
    name.split('@').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_or_not() {
        let check = |wanted: &str, name: &str, expected| {
            assert_eq!(apart(fold(wanted, &mut String::new()), name), expected, "{wanted} {name}");
        };
        check("ANA", "ana", Some(0));
        check("@ana", "Ana ", Some(0));
        check("e\u{301}ric", "\u{e9}ric", Some(0));
        check("ana", "twitter:ana", Some(1));
        check("Ana@example.org", "bluesky:did:plc:ana", Some(1));
        check("ana", "anna", None);
        check("anna", "ana", Some(3));
        check("kellratlas", "kelleratlas", Some(3));
        check("kelelrratlas", "kelleratlas", Some(4));
        check("u1", "u2", None);
        check("u1234", "u1243", Some(3));
        check(":", "twitter:", None);
    }
}
