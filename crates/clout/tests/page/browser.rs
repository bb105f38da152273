//! A real browser without a window, driven by WebDriver: chromium and chromedriver, both with a folder of their own.

use std::fmt::Debug;
use std::fs;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::room::{self, Room};

const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];
/// What chromium needs to run as root, on any machine, and to keep to itself.
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
/// No condition takes longer, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// Room for one browser, if there is one: two of them keep two cores busy. Without one a test says so and passes, unless
/// somebody insists on it.
pub(crate) fn room() -> Option<Room> {
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| which(program).is_none()).collect();
    if missing.is_empty() {
        return Some(room::take(3));
    }
    let message =
        format!("skipped: {} not found; on Debian: apt-get install chromium chromium-driver", missing.join(" and "));
    assert!(std::env::var_os("CLOUT_BROWSER_REQUIRED").is_none_or(|value| value != "1"), "{message}");
    eprintln!("{message}");
    None
}

fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// One browser with one page.
pub(crate) struct Browser {
    driver: Child,
    folder: PathBuf,
    client: Client,
}

impl Browser {
    pub(crate) async fn start(name: &str) -> Browser {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (driver, port) = driver();
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", folder.display()));
        let capabilities: Capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "binary": which("chromium").unwrap() },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        })
        .as_object()
        .unwrap()
        .clone();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&format!("http://127.0.0.1:{port}")).await.unwrap();
        Browser { driver, folder, client }
    }

    pub(crate) async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// What an expression is, in the page.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, expression: &str) -> T {
        let value = self.client.execute(&format!("return {expression}"), Vec::new()).await.unwrap();
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{expression} is {value}: {error}"))
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&self, expression: &str) {
        let began = Instant::now();
        let question = format!("return Boolean({expression})");
        // While a page is being loaded there is nobody to ask.
        while !self.client.execute(&question, Vec::new()).await.is_ok_and(|answer| answer == true) {
            if began.elapsed() > PATIENCE {
                let page: String = self.ask("document.body.innerText").await;
                panic!("{expression} does not come true in {PATIENCE:?}; the page says:\n{page}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Presses keys where the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.client.find(fantoccini::Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Makes the page so wide, as a telephone would.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        self.issue(Extra::Devtools("Emulation.setDeviceMetricsOverride", metrics)).await;
        self.issue(Extra::Devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true }))).await;
    }

    /// What the browser complained about since this was last asked.
    pub(crate) async fn complaints(&self) -> Vec<Complaint> {
        let entries = self.issue(Extra::Log("browser")).await;
        let entries: Vec<Complaint> = serde_json::from_value(entries).unwrap();
        entries.into_iter().filter(|entry| entry.level != "INFO" && entry.level != "DEBUG").collect()
    }

    /// Every address that was asked since this was last asked.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let entries = self.issue(Extra::Log("performance")).await;
        let address = |entry: &Value| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let is_request = message["message"]["method"] == "Network.requestWillBeSent";
            is_request.then(|| Some(message["message"]["params"]["request"]["url"].as_str()?.to_owned()))?
        };
        entries.as_array().unwrap().iter().filter_map(address).collect()
    }

    async fn issue(&self, command: Extra) -> Value {
        self.client.issue_cmd(command).await.unwrap()
    }

    /// Does all of this in a browser, and ends it.
    pub(crate) fn with<Done: Future<Output = Browser>>(name: &str, test: impl FnOnce(Browser) -> Done) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let browser = test(Browser::start(name).await).await;
            browser.client.clone().close().await.unwrap();
        });
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // What is gone already need not be ended.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A driver, and the port on which it listens. It takes one port of both versions of the internet protocol, and gives up where the one
/// that is free of the one is taken of the other.
fn driver() -> (Child, u16) {
    let start = || {
        let mut command = Command::new("chromedriver");
        let mut driver = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        match port_of(&mut driver) {
            Some(port) => Some((driver, port)),
            None => {
                driver.wait().unwrap();
                None
            }
        }
    };
    std::iter::repeat_with(start).take(5).flatten().next().expect("chromedriver says on which port it listens")
}

/// The driver says where it listens.
fn port_of(driver: &mut Child) -> Option<u16> {
    let lines = BufReader::new(driver.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
    let port = |line: String| line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok();
    lines.filter_map(port).next()
}

/// A line of the browser's console.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Complaint {
    level: String,
    pub(crate) message: String,
    pub(crate) source: String,
}

/// What chromedriver can do beyond the standard.
#[derive(Clone, Debug)]
enum Extra {
    Devtools(&'static str, Value),
    Log(&'static str),
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        let path = match self {
            Extra::Devtools(..) => "goog/cdp/execute",
            Extra::Log(_) => "se/log",
        };
        base.join(&format!("session/{}/{path}", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        let body = match self {
            Extra::Devtools(command, parameters) => json!({ "cmd": command, "params": parameters }),
            Extra::Log(kind) => json!({ "type": kind }),
        };
        (http::Method::POST, Some(body.to_string()))
    }
}
