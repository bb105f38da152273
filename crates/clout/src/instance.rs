//! The name that tells a process of an application from the others on this machine. Each has its own, since transactions
//! under one name fence each other off. The first is called as the host is, the next ones `HOST_2`, `HOST_3` and so on; one
//! that is started again gets the lowest name that is free, as a rule the one that it had.
//!
//! A name is taken while a socket is bound to it that has no file: the system gives it back whatever ends the process, and it
//! is the same for all users and folders. Containers with a network of their own have a host name of their own as well.

/// Processes of one application on one machine.
const PROCESSES_MAX: u32 = 4096;

/// The name that was said belongs to a process that runs: the two would fence each other off for ever.
#[derive(Debug, thiserror::Error)]
#[error(
    "another process of this machine is the instance {name} of {application} already, and the two would fence each other off: give \
     each an --instance of its own, or none"
)]
pub struct InstanceError {
    application: String,
    name: String,
}

/// A name that nobody else on this machine has as long as this lives.
pub(crate) struct Instance {
    name: String,
    _taken: Option<Taken>,
}

impl Instance {
    /// The name that was said, or a free one that begins with the host's.
    ///
    /// # Errors
    /// If another process has the name that was said.
    pub(crate) fn claim(application: &str, name: &str, is_said: bool) -> Result<Instance, InstanceError> {
        for number in 1..=PROCESSES_MAX {
            let name = if number == 1 { name.to_owned() } else { format!("{name}_{number}") };
            match take(application, &name) {
                Claim::Ours(taken) => return Ok(Instance { name, _taken: Some(taken) }),
                Claim::Unknown => return Ok(Instance { name, _taken: None }),
                Claim::Others if is_said => return Err(InstanceError { application: application.to_owned(), name }),
                Claim::Others => {}
            }
        }
        Ok(Instance { name: name.to_owned(), _taken: None })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

enum Claim {
    Ours(Taken),
    Others,
    /// The system cannot say.
    Unknown,
}

#[cfg(target_os = "linux")]
type Taken = std::os::unix::net::UnixListener;

#[cfg(not(target_os = "linux"))]
type Taken = ();

#[cfg(target_os = "linux")]
fn take(application: &str, name: &str) -> Claim {
    use std::io::ErrorKind;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};

    use sha2::{Digest, Sha256};

    // Names may be longer than the 107 bytes of an address.
    let hash: String =
        Sha256::digest(format!("{application}/{name}")).iter().map(|byte| format!("{byte:02x}")).collect();
    let bound = SocketAddr::from_abstract_name(format!("clout-instance-{hash}"));
    match bound.and_then(|address| UnixListener::bind_addr(&address)) {
        Ok(taken) => Claim::Ours(taken),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Claim::Others,
        Err(_) => Claim::Unknown,
    }
}

#[cfg(not(target_os = "linux"))]
fn take(_: &str, _: &str) -> Claim {
    Claim::Unknown
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_a_name_of_its_own_and_gets_it_back() {
        let application = format!("test-{}", std::process::id());
        let claim = || Instance::claim(&application, "vm", false).unwrap();
        let (first, second, third) = (claim(), claim(), claim());
        assert_eq!([first.name(), second.name(), third.name()], ["vm", "vm_2", "vm_3"]);
        drop(second);
        assert_eq!(claim().name(), "vm_2");
        assert_eq!(Instance::claim("another", "vm", false).unwrap().name(), "vm");
        let refused = Instance::claim(&application, "vm", true).err().expect("it is taken").to_string();
        assert!(refused.contains("the instance vm of test-"), "{refused}");
        drop(first);
        assert_eq!(claim().name(), "vm");
        assert_eq!(Instance::claim(&application, "vm", true).unwrap().name(), "vm", "it is free again");
    }
}
