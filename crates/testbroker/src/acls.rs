//! Permissions, given and taken in Kafka's own protocol: its tool for them wants a Java machine of its own for each change.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// For the broker's answers, and until it knows of a change itself.
const TIME: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(10);
const DESCRIBE: i16 = 29;
const CREATE: i16 = 30;
const DELETE: i16 = 31;
/// Of all three, the last version whose fields have fixed sizes.
const VERSION: i16 = 1;
const LITERAL: u8 = 3;
const PREFIXED: u8 = 4;

/// What a user may do with a resource, or may not.
#[derive(Clone, Copy, Debug)]
pub struct Acl<'a> {
    /// Options of `kafka-acls.sh`, such as `--topic NAME` or `--topic BEGINNING --resource-pattern-type prefixed`.
    pub resource: &'a str,
    /// Such as `DescribeConfigs`.
    pub operation: &'a str,
    /// Such as `User:clout`.
    pub principal: &'a str,
    /// Whether it is denied, whatever else is allowed.
    pub is_denied: bool,
}

impl Acl<'_> {
    /// The fields that the requests have in common.
    fn fields(&self) -> Vec<u8> {
        let words: Vec<&str> = self.resource.split_whitespace().collect();
        let (kind, name, pattern) = match words[..] {
            [kind, name] => (kind, name, LITERAL),
            [kind, name, "--resource-pattern-type", "prefixed"] => (kind, name, PREFIXED),
            _ => panic!("{} is not understood", self.resource),
        };
        let kind = match kind {
            "--topic" => 2,
            "--group" => 3,
            "--transactional-id" => 5,
            _ => panic!("{kind} is not a kind of resource that is known here"),
        };
        let operation = match self.operation {
            "Read" => 3,
            "Write" => 4,
            "Create" => 5,
            "Delete" => 6,
            "Describe" => 8,
            "DescribeConfigs" => 10,
            operation => panic!("{operation} is not an operation that is known here"),
        };
        let permission = if self.is_denied { 2 } else { 3 };
        let mut fields = vec![kind];
        text(name, &mut fields);
        fields.push(pattern);
        text(self.principal, &mut fields);
        text("*", &mut fields);
        fields.extend([operation, permission]);
        fields
    }

    /// Gives it, at the address of a listener where everybody may do all, and waits until the broker goes by it.
    pub(crate) fn add(&self, address: &str) {
        self.change(address, CREATE);
        self.wait(address, true);
    }

    /// Takes it back, likewise.
    pub(crate) fn remove(&self, address: &str) {
        self.change(address, DELETE);
        self.wait(address, false);
    }

    fn change(&self, address: &str, what: i16) {
        let mut body = 1_i32.to_be_bytes().to_vec();
        body.extend(self.fields());
        let answer = ask(address, what, &body);
        // How long the broker makes clients wait, and how many answers there are.
        let code = i16::from_be_bytes([answer[8], answer[9]]);
        assert_eq!(code, 0, "{self:?}: {}", String::from_utf8_lossy(&answer[10..]));
    }

    fn wait(&self, address: &str, is_there: bool) {
        let until = Instant::now() + TIME;
        while self.is_known(address) != is_there {
            assert!(Instant::now() < until, "the broker does not go by {self:?}");
            thread::sleep(LOOK);
        }
    }

    fn is_known(&self, address: &str) -> bool {
        let answer = ask(address, DESCRIBE, &self.fields());
        // How long the broker makes clients wait, a code, words if there are any, and how many resources there are.
        let (code, rest) = (&answer[4..6], &answer[6..]);
        assert_eq!(code, [0; 2], "{self:?}: {}", String::from_utf8_lossy(rest));
        let len = usize::try_from(i16::from_be_bytes([rest[0], rest[1]])).unwrap_or(0);
        rest[2 + len..][..4] != [0; 4]
    }
}

/// Returns the answer's fields.
fn ask(address: &str, what: i16, body: &[u8]) -> Vec<u8> {
    let mut request = [what.to_be_bytes(), VERSION.to_be_bytes()].concat();
    // The number of the request, which comes back, and who asks.
    request.extend([0; 4]);
    text("tests", &mut request);
    request.extend(body);
    let mut connection = TcpStream::connect(address).expect("the broker listens");
    connection.set_read_timeout(Some(TIME)).expect("it can be set");
    let len = i32::try_from(request.len()).expect("a short request");
    connection.write_all(&[&len.to_be_bytes(), &request[..]].concat()).expect("the broker takes it");
    let mut len = [0; 4];
    connection.read_exact(&mut len).expect("the broker answers");
    let mut answer = vec![0; u32::from_be_bytes(len) as usize];
    connection.read_exact(&mut answer).expect("the broker answers in full");
    answer.split_off(4)
}

fn text(text: &str, fields: &mut Vec<u8>) {
    fields.extend(i16::try_from(text.len()).expect("a short text").to_be_bytes());
    fields.extend(text.as_bytes());
}
