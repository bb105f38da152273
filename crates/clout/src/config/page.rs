//! The page that lists the configuration says what the code does.

use crate::config::keys::{KEYS, Key};

const PAGE: &str = include_str!("../../../../docs/configuration.md");

fn row(key: &Key) -> String {
    let flag = if key.flag.is_empty() { String::new() } else { format!("`--{}`", key.flag) };
    let default = key.default().map_or_else(|| key.default.replace(['[', ']'], ""), |default| format!("`{default}`"));
    format!("| `{}` | `{}` | {flag} | {default} | {} |\n", key.name, key.variable(), key.what)
}

#[test]
fn the_page_lists_all_keys() {
    let head = "| key | variable | flag | default | meaning |\n|---|---|---|---|---|\n";
    let table = format!("<!-- the keys -->\n{head}{}", KEYS.iter().map(row).collect::<String>());
    assert!(PAGE.contains(&table), "docs/configuration.md must have this block:\n\n{table}");
}

/// The example on the page is understood, whole.
#[test]
fn the_pages_example_is_understood() {
    let example = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example in TOML");
    let path = std::env::temp_dir().join(format!("clout-example-{}.toml", std::process::id()));
    let secret = path.with_extension("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").expect("the secret is written");
    let example = example.replace("/run/secrets/", &format!("{}/", secret.parent().expect("a folder").display()));
    let example = example.replace("clout-hash-key", &secret.file_name().expect("a name").to_string_lossy());
    let example = example.replace("clout-password", &secret.file_name().expect("a name").to_string_lossy());
    std::fs::write(&path, example).expect("the example is written");
    let mut values = crate::config::values::Values::default();
    let read = crate::config::file::read(&path, &mut values).and_then(|()| crate::config::Config::new(&values));
    let _ = (std::fs::remove_file(&path), std::fs::remove_file(&secret));
    assert_eq!(read.expect("it is understood").inputs.len(), 3);
}
