//! Farms from text, and the refusal of what is none.

use std::str::FromStr;

use super::{ACTS_MAX, Campaign, Farm};

impl FromStr for Farm {
    type Err = FarmError;

    /// `kind` or `kind:option=number,option=number`.
    fn from_str(text: &str) -> Result<Farm, FarmError> {
        let campaign: Campaign = text.parse()?;
        let farm = campaign.farm;
        let extra = [("known", campaign.known), ("hours", campaign.hours)].into_iter().find(|(_, number)| *number > 0);
        match extra {
            Some((option, _)) => {
                Err(FarmError::Option { kind: farm.kind(), option: option.to_owned(), known: farm.takes() })
            }
            None => Ok(farm),
        }
    }
}

impl FromStr for Campaign {
    type Err = FarmError;

    /// As a farm, with the options `known` and `hours` for all kinds.
    fn from_str(text: &str) -> Result<Campaign, FarmError> {
        let (kind, options) = text.split_once(':').unwrap_or((text, ""));
        let farm =
            *(Farm::ALL.iter()).find(|farm| farm.kind() == kind).ok_or_else(|| FarmError::Kind(kind.to_owned()))?;
        let mut campaign = Campaign::from(farm);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            campaign.set(option)?;
        }
        campaign.check()?;
        Ok(campaign)
    }
}

impl Campaign {
    fn set(&mut self, option: &str) -> Result<(), FarmError> {
        let kind = self.farm.kind();
        let refused = || FarmError::Number { kind, option: option.to_owned() };
        let (key, number) = option.split_once('=').ok_or_else(refused)?;
        let mut options = self.farm.options();
        options.extend([("known", &mut self.known), ("hours", &mut self.hours)]);
        let known = options.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
        let Some((_, value)) = options.iter_mut().find(|(known, _)| *known == key) else {
            return Err(FarmError::Option { kind, option: key.to_owned(), known });
        };
        **value = number.parse().map_err(|_| refused())?;
        Ok(())
    }
}

impl Farm {
    /// The names of its options.
    fn takes(mut self) -> String {
        self.options().into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(", ")
    }

    fn options(&mut self) -> Vec<(&'static str, &mut u32)> {
        match self {
            Farm::SuperFan { acts } | Farm::PairRing { acts } => vec![("acts", acts)],
            Farm::Clique { members, acts }
            | Farm::Ring { members, acts }
            | Farm::Tournament { members, acts }
            | Farm::RandomClique { members, acts }
            | Farm::LateClique { members, acts } => vec![("members", members), ("acts", acts)],
            Farm::Layers { layers, members, acts } => vec![("layers", layers), ("members", members), ("acts", acts)],
            Farm::CliqueWithBoss { members, acts, boss_acts } => {
                vec![("members", members), ("acts", acts), ("boss-acts", boss_acts)]
            }
            Farm::SybilStar { members } | Farm::FollowerFarm { members } => {
                vec![("members", members)]
            }
        }
    }

    /// # Errors
    /// If it is too small to be a farm or has more than [`ACTS_MAX`] acts.
    pub(super) fn check(mut self) -> Result<(), FarmError> {
        let (kind, acts) = (self.kind(), self.acts());
        let members_min = match self {
            Farm::Ring { .. } | Farm::Tournament { .. } => 3,
            Farm::Clique { .. } | Farm::CliqueWithBoss { .. } | Farm::RandomClique { .. } | Farm::LateClique { .. } => {
                2
            }
            _ => 1,
        };
        for (option, number) in self.options() {
            let least = if option == "members" { members_min } else { 1 };
            if *number < least {
                return Err(FarmError::TooSmall { kind, option, least });
            }
        }
        if acts > ACTS_MAX {
            return Err(FarmError::TooLarge { kind, acts });
        }
        Ok(())
    }
}

/// Why a farm cannot be: which one, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FarmError {
    /// No such kind.
    #[error("no farm is called {0:?}: there are {kinds}", kinds = Farm::ALL.map(|farm| farm.kind()).join(", "))]
    Kind(String),
    /// The kind has no such option.
    #[error("farm {kind} has no option {option:?}: it takes {known}")]
    Option {
        /// The farm's kind.
        kind: &'static str,
        /// What was asked for.
        option: String,
        /// What there is.
        known: String,
    },
    /// Not an option with a number.
    #[error("farm {kind}: {option:?} is not an option with a whole number, as in members=50")]
    Number {
        /// The farm's kind.
        kind: &'static str,
        /// What was asked for.
        option: String,
    },
    /// Too few of something.
    #[error("farm {kind} is too small: give {option}={least} or more")]
    TooSmall {
        /// The farm's kind.
        kind: &'static str,
        /// What there is too little of.
        option: &'static str,
        /// The least there must be.
        least: u32,
    },
    /// Too many acts.
    #[error("farm {kind} has {acts} acts: more than {ACTS_MAX} do not fit, so lower its options")]
    TooLarge {
        /// The farm's kind.
        kind: &'static str,
        /// How many acts it has.
        acts: u64,
    },
    /// More members would be known than act.
    #[error("farm {kind} has {actors} members who act: no more of them can be known")]
    TooManyKnown {
        /// The farm's kind.
        kind: &'static str,
        /// How many act.
        actors: u32,
    },
    /// Nothing can happen.
    #[error("a farm has no time to act in: its end must be later than its start")]
    NoTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, farm: Farm) {
        assert_eq!(text.parse(), Ok(farm), "{text}");
    }

    fn refuse(text: &str, message: &str) {
        let error = text.parse::<Farm>().unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }

    #[test]
    fn farms_are_a_kind_and_options() {
        check("super-fan", Farm::SuperFan { acts: 1000 });
        check("super-fan:", Farm::SuperFan { acts: 1000 });
        check("super-fan:acts=5", Farm::SuperFan { acts: 5 });
        check("pair-ring:acts=7", Farm::PairRing { acts: 7 });
        check("clique:acts=10", Farm::Clique { members: 50, acts: 10 });
        check("clique:members=9,acts=2", Farm::Clique { members: 9, acts: 2 });
        check("clique-with-boss:boss-acts=3", Farm::CliqueWithBoss { members: 50, acts: 1, boss_acts: 3 });
        check("sybil-star:members=10000000", Farm::SybilStar { members: 10_000_000 });
        check("follower-farm:members=1", Farm::FollowerFarm { members: 1 });
        check("ring:members=3", Farm::Ring { members: 3, acts: 100 });
        check("tournament:acts=2", Farm::Tournament { members: 50, acts: 2 });
        check("random-clique", Farm::RandomClique { members: 50, acts: 1 });
        check("late-clique:members=2", Farm::LateClique { members: 2, acts: 1 });
        check("layers:layers=2,members=9", Farm::Layers { layers: 2, members: 9, acts: 1 });
    }

    #[test]
    fn any_farm_can_have_known_members_and_hours() {
        let campaign = |text: &str| text.parse::<Campaign>();
        let star = Farm::SybilStar { members: 300 };
        let wanted = Campaign { farm: star, known: 9, hours: 24 };
        assert_eq!(campaign("sybil-star:known=9,members=300,hours=24"), Ok(wanted));
        assert_eq!(campaign("sybil-star:members=300"), Ok(Campaign::from(star)));
        let error = campaign("sybil-star:members=300,known=301").unwrap_err();
        assert_eq!(error.to_string(), "farm sybil-star has 300 members who act: no more of them can be known");
        refuse("clique:known=3", r#"farm clique has no option "known": it takes members, acts"#);
    }

    #[test]
    fn what_is_no_farm_is_told_why() {
        refuse(
            "circle",
            r#"no farm is called "circle": there are super-fan, pair-ring, clique, clique-with-boss, sybil-star, follower-farm, ring, tournament, random-clique, late-clique, layers"#,
        );
        refuse("clique:size=3", r#"farm clique has no option "size": it takes members, acts, known, hours"#);
        refuse(
            "clique:members=many",
            r#"farm clique: "members=many" is not an option with a whole number, as in members=50"#,
        );
        refuse("clique:members", r#"farm clique: "members" is not an option with a whole number, as in members=50"#);
        refuse("clique:members=1", "farm clique is too small: give members=2 or more");
        refuse("super-fan:acts=0", "farm super-fan is too small: give acts=1 or more");
        refuse(
            "clique:members=10000",
            "farm clique has 99990000 acts: more than 10000000 do not fit, so lower its options",
        );
        refuse(
            "clique:members=4294967295,acts=4294967295",
            "farm clique has 18446744073709551615 acts: more than 10000000 do not fit, so lower its options",
        );
    }
}
