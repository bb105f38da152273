//! The rules of the model, one table each. The half-life is a day, so the window is six; a score of 100 stands for 100
//! votes until somebody has more.
use crate::story::{check, follower_levels};
use expect_test::expect;

#[test]
fn a_retweet_or_mention_is_a_vote_and_a_reply_half_an_act() {
    check(
        "0s ana retweets bo; 0s cy mentions dee; 0s eve replies fay",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
            dee        15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  1/0/0            0
            fay        12.1   0.75   1.00  0.56  1.34  1.00  1.00      0.00  0/0/1            0
        "#]],
    );
}

/// What is received is shown as mentions/retweets/replies+quotes/likes.
#[test]
fn a_quote_is_a_vote_and_a_like_a_quarter_of_an_act() {
    check(
        "0s ana quotes bo; 0s cy likes dee; 0s eve likes fay x4; 0s gus likes hal; 0s gus mentions hal",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/0/0+1/0         0
            dee         9.4   0.54   1.00  0.29  1.84  1.00  1.00      0.00  0/0/0+0/1         0
            fay        15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/0/0+0/4         0
            hal        16.0   1.09   1.00  1.19  0.92  1.00  1.00      0.00  1/0/0+0/1         0
        "#]],
    );
}

/// `w = 5 C l / (C + 4 l)`, shown as amplification: 1 to 5. What a fan gives is the root of it, since the same fan's rate
/// falls by the other root.
#[test]
fn repeats_saturate() {
    check(
        "0s a retweets one; 0s b retweets two x2; 0s c retweets ten x10; 0s d retweets thousand x1000",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            one        15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
            ten        23.0   1.89   1.00  3.57  0.53  1.00  1.00      0.00  0/10/0           0
            thousand   25.4   2.23   1.00  4.98  0.45  1.00  1.00      0.00  0/1000/0         0
            two        18.0   1.29   1.00  1.67  0.77  1.00  1.00      0.00  0/2/0            0
        "#]],
    );
}

#[test]
fn who_endorses_many_gives_less_to_each() {
    check(
        "0s ana retweets bo; 0s cy retweets t1..2; 0s dee retweets s1..4",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
            4 s         8.8   0.50   1.00  1.00  0.50  1.00  1.00      0.00  0/1/0            0
            2 t        11.6   0.71   1.00  1.00  0.71  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

#[test]
fn whom_many_endorse_gives_more() {
    check(
        "0s f1..8 retweet star; 0s star retweets bo; 0s nobody retweets cy",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         30.0   3.00   1.00  1.00  3.00  1.00  1.00      0.00  0/1/0            0
            cy         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
            star       47.6   8.00   8.00  1.00  1.00  1.00  1.00      0.00  0/8/0            0
        "#]],
    );
}

#[test]
fn what_is_returned_is_discounted_and_one_sided_answers_are_not() {
    check(
        "0s ana retweets bo; 0s bo retweets ana
         0s cy retweets dee x4; 0s dee retweets cy x2
         0s eve retweets fay x4; 0s fay retweets eve",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana         2.2   0.11   1.00  1.00  1.05  0.10  1.00      0.00  0/1/0            0
            bo          2.2   0.11   1.00  1.00  1.05  0.10  1.00      0.00  0/1/0            0
            cy          4.1   0.21   1.00  1.67  1.26  0.10  1.00      0.00  0/2/0            0
            dee        21.0   1.64   1.00  2.50  0.70  0.94  1.00      0.00  0/4/0            0
            eve         3.3   0.16   1.00  1.00  1.64  0.10  1.00      0.00  0/1/0            0
            fay        21.5   1.70   1.00  2.50  0.68  1.00  1.00      0.00  0/4/0            0
        "#]],
    );
}

#[test]
fn a_closed_circle_of_three_and_the_same_with_fans() {
    check(
        "0s a retweets b; 0s b retweets a; 0s b retweets c; 0s c retweets b; 0s a retweets c; 0s c retweets a",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            a           3.1   0.15   2.00  1.00  0.76  0.10  1.00      0.00  0/2/0            0
            b           3.1   0.15   2.00  1.00  0.76  0.10  1.00      0.00  0/2/0            0
            c           3.1   0.15   2.00  1.00  0.76  0.10  1.00      0.00  0/2/0            0
        "#]],
    );
    check(
        "0s a retweets b; 0s b retweets a; 0s b retweets c; 0s c retweets b; 0s a retweets c; 0s c retweets a
         0s f1..9 retweet a",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            a          53.1  10.62  11.00  1.00  0.97  1.00  1.00      0.00  0/11/0           0
            b           6.1   0.32   2.00  1.00  1.61  0.10  1.00      0.00  0/2/0            0
            c           6.1   0.32   2.00  1.00  1.61  0.10  1.00      0.00  0/2/0            0
        "#]],
    );
}

#[test]
fn votes_halve_each_day() {
    check(
        "0s ana retweets bo; now 1d",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          8.8   0.50   0.50  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s ana retweets bo; 1d ana retweets bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         16.8   1.17   1.00  1.36  0.86  1.00  1.00      0.00  0/2/0            0
        "#]],
    );
    // An actor who comes back counts as fresh for what they do now.
    check(
        "0s ana retweets bo; 5d ana retweets cy",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.7   0.03   0.03  1.00  0.98  1.00  1.00      0.00  0/1/0            0
            cy         14.9   0.98   1.00  1.00  0.98  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

#[test]
fn after_six_days_a_pair_is_forgotten() {
    check(
        "0s ana retweets bo; now 6d",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.3   0.02   0.02  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s ana retweets bo; now 144h1s",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    // The pair begins anew: nothing of the first act is left, but its count.
    check(
        "0s ana retweets bo; 144h1s ana retweets bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         14.8   0.98   1.00  1.00  1.00  1.00  0.98      0.00  0/2/0            0
        "#]],
    );
}

#[test]
fn a_late_act_counts_for_its_age() {
    check(
        "1d cy retweets dee; 0s ana retweets bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          8.8   0.50   0.50  1.00  1.00  1.00  1.00      0.00  0/1/0            0
            dee        15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "6d cy retweets dee; 0s ana retweets bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.3   0.02   0.02  1.00  1.00  1.00  1.00      0.00  0/1/0            0
            dee        14.8   0.98   1.00  1.00  1.00  1.00  0.98      0.00  0/1/0            0
        "#]],
    );
    // Older than the window: counted, and nothing else.
    check(
        "144h1s cy retweets dee; 0s ana retweets bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/1/0            0
            dee        15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

#[test]
fn acts_on_oneself_are_ignored() {
    check(
        "0s ana retweets ana; 0s bo follows bo",
        expect![[r#"
        nobody
    "#]],
    );
    // Not even the clock moves by them.
    check(
        "0s ana retweets bo; 1d bo retweets bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

/// Silent ones do not count, and neither do those who act but are endorsed by nobody.
#[test]
fn a_follower_counts_by_who_they_are() {
    check(
        "0s quiet follows a; 0s ana follows b; 0s ana retweets cy",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            a           0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            1
            b           0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            1
            cy         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s fan retweets ana; 0s ana retweets cy; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0  active
            bo          2.8   0.14   0.00  0.00  0.00  1.00  1.00      0.14  0/0/0            1
            cy         19.1   1.41   1.00  1.00  1.41  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s f1..2 retweet ana; 0s ana retweets cy; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        23.8   2.00   2.00  1.00  1.00  1.00  1.00      0.00  0/2/0            0  20
            bo          7.0   0.38   0.00  0.00  0.00  1.00  1.00      0.38  0/0/0            1
            cy         21.8   1.73   1.00  1.00  1.73  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s f1..6 retweet ana; 0s ana retweets cy; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        42.2   6.00   6.00  1.00  1.00  1.00  1.00      0.00  0/6/0            0  40
            bo         15.0   1.00   0.00  0.00  0.00  1.00  1.00      1.00  0/0/0            1
            cy         28.0   2.65   1.00  1.00  2.65  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s f1..20 retweet ana; 0s ana retweets cy; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        66.0  20.00  20.00  1.00  1.00  1.00  1.00      0.00  0/20/0           0  60
            bo         23.8   2.00   0.00  0.00  0.00  1.00  1.00      2.00  0/0/0            1
            cy         37.3   4.58   1.00  1.00  4.58  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s f1..80 retweet ana; 0s ana retweets cy; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        95.2  80.00  80.00  1.00  1.00  1.00  1.00      0.00  0/80/0           0  80
            bo         32.4   3.46   0.00  0.00  0.00  1.00  1.00      3.46  0/0/0            1
            cy         49.9   9.00   1.00  1.00  9.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

#[test]
fn a_mutual_follow_weighs_a_quarter() {
    check(
        "0s f1..20 retweet ana; 0s ana retweets cy; 0s ana follows bo; 0s bo follows ana",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        66.0  20.00  20.00  1.00  1.00  1.00  1.00      0.00  0/20/0           1  60
            bo         12.8   0.81   0.00  0.00  0.00  1.00  1.00      0.81  0/0/0            1  silent
            cy         37.3   4.58   1.00  1.00  4.58  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

#[test]
fn a_follow_is_no_act_and_does_not_age() {
    check(
        "0s fan retweets ana; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0  silent
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            1
        "#]],
    );
    check(
        "0s ana follows bo; now 1000d",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            1
        "#]],
    );
}

#[test]
fn the_newest_of_follow_and_unfollow_wins() {
    check(
        "0s ana follows bo; 2s ana unfollows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            0
        "#]],
    );
    check(
        "2s ana unfollows bo; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            0
        "#]],
    );
    check(
        "2s ana follows bo; 0s ana unfollows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            1
        "#]],
    );
    check(
        "2s ana unfollows bo; 2s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            0
        "#]],
    );
    // An unfollow is remembered for the window.
    check(
        "2s ana unfollows bo; now 144h3s; 0s ana follows bo",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            1
        "#]],
    );
    // Nobody has acted on bo: there is no record.
    check(
        "2s ana unfollows bo",
        expect![[r#"
        nobody
    "#]],
    );
}

/// 2,000 are not too many, and neither are more of them for who has half as many followers.
#[test]
fn who_follows_everybody_counts_at_most_as_active() {
    let famous = "0s f1..80 retweet ana; 0s ana retweets cy; 0s ana follows bo;";
    follower_levels(
        &[
            famous,
            &format!("{famous} 0s ana follows t1..1999"),
            &format!("{famous} 0s ana follows t1..2000"),
            &format!("{famous} 0s ana follows t1..2000; 0s g1..1000 follow ana"),
            &format!("{famous} 0s ana follows t1..2000; 0s g1..1001 follow ana"),
        ],
        expect![[r#"
             95.2 points,     80: bo has 3.46
             95.2 points,     80: bo has 3.46
             95.2 points, active: bo has 0.14
             95.2 points, active: bo has 0.14
             95.2 points,     80: bo has 3.46
        "#]],
    );
}

/// It rises at its threshold, and falls two points below it.
#[test]
fn a_level_outlives_a_small_fall() {
    let story = "0s f1..2 retweet ana; 0s ana retweets cy; 0s ana follows bo";
    follower_levels(
        &[
            &format!("{story}; sweep"),
            &format!("{story}; now 9h; sweep"),
            &format!("{story}; now 10h; sweep"),
            &format!("{story}; sweep; now 10h; sweep"),
            &format!("{story}; sweep; now 15h; sweep"),
            &format!("{story}; sweep; now 16h; sweep"),
        ],
        expect![[r#"
             23.8 points,     20: bo has 0.38
             20.2 points,     20: bo has 0.38
             19.8 points, active: bo has 0.14
             19.8 points,     20: bo has 0.38
             18.0 points,     20: bo has 0.38
             17.7 points, active: bo has 0.14
        "#]],
    );
}

#[test]
fn a_level_changes_at_most_once_an_hour() {
    let story = "0s fan retweets ana; 0s ana retweets cy; 0s ana follows bo; sweep; 1m f1..6 retweet ana";
    follower_levels(
        &[
            &format!("{story}; now 59m; sweep"),
            &format!("{story}; now 60m; sweep"),
            &format!("{story}; now 59m; sweep; now 61m; sweep"),
        ],
        expect![[r#"
             44.5 points, active: bo has 0.14
             44.5 points,     40: bo has 1.00
             44.5 points,     40: bo has 1.00
        "#]],
    );
}

#[test]
fn who_opts_out_is_erased_with_all_they_gave() {
    let before = "0s ana retweets bo; 0s ana follows bo; 0s bo retweets cy; 0s bo follows ana; 0s dee retweets cy";
    check(
        before,
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana         0.8   0.04   0.00  0.00  0.00  1.00  1.00      0.04  0/0/0            1  silent
            bo         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            1  active
            cy         26.6   2.41   2.00  1.00  1.21  1.00  1.00      0.00  0/2/0            0
        "#]],
    );
    check(
        &format!("{before}; bo opts out"),
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana         0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            0  silent
            cy         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/2/0            0
        "#]],
    );
    // What they do later is dropped, what others do counts for nobody.
    check(
        &format!("{before}; bo opts out; 0s bo retweets eve; 0s dee retweets bo"),
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana         0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            0  silent
            cy         11.6   0.71   1.00  1.00  0.71  1.00  1.00      0.00  0/2/0            0
        "#]],
    );
}

/// What a profile does not say stays as it is: only "opts in" brings back who is gone.
#[test]
fn trust_does_not_opt_in() {
    check(
        "0s ana retweets bo; bo opts out; bo has trust 2; 0s ana mentions bo",
        expect![[r#"
        nobody
    "#]],
    );
}

/// No record until somebody acts again; what others gave meanwhile counts on, and counts begin at 0.
#[test]
fn who_opts_in_again_begins_anew() {
    let before = "0s ana retweets bo; 0s ana follows bo; bo opts out; bo opts in";
    check(
        before,
        expect![[r#"
        nobody
    "#]],
    );
    check(
        &format!("{before}; 0s ana mentions bo"),
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  1/0/0            0
        "#]],
    );
    check(
        &format!("{before}; 0s bo retweets cy"),
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            cy         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

/// It enters by its root.
#[test]
fn trust_scales_what_an_account_hands_out() {
    check(
        "ana has trust 0; 0s ana retweets a; bo has trust 0.25; 0s bo retweets b; cy has trust 4; 0s cy retweets c",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            a           0.0   0.00   1.00  1.00  0.00  1.00  1.00      0.00  0/1/0            0
            b           8.8   0.50   1.00  1.00  0.50  1.00  1.00      0.00  0/1/0            0
            c          23.8   2.00   1.00  1.00  2.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    // It counts from now on, for what was given before as well.
    check(
        "0s ana retweets bo; ana has trust 0",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo          0.0   0.00   1.00  1.00  0.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    check(
        "0s ana retweets bo; ana has trust 0; ana has trust 1",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         15.0   1.00   1.00  1.00  1.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
    // A suspended follower is silent.
    check(
        "0s f1..6 retweet ana; 0s ana retweets cy; 0s ana follows bo; ana has trust 0",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            ana        42.2   6.00   6.00  1.00  1.00  1.00  1.00      0.00  0/6/0            0  silent
            bo          0.0   0.00   0.00  0.00  0.00  1.00  1.00      0.00  0/0/0            1
            cy          0.0   0.00   1.00  1.00  0.00  1.00  1.00      0.00  0/1/0            0
        "#]],
    );
}

#[test]
fn the_scale_is_the_largest_influence_and_never_below_a_hundred_votes() {
    check(
        "0s f1..10 retweet bo; 0s g1..200 retweet star",
        expect![[r#"
                      score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level
            bo         45.2  10.00  10.00  1.00  1.00  1.00  1.00      0.00  0/10/0           0
            star      100.0 200.00 200.00  1.00  1.00  1.00  1.00      0.00  0/200/0          0
        "#]],
    );
}
