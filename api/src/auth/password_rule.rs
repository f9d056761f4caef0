//! Which passwords are taken. Length counts, not classes of characters (NIST SP 800-63B, 3.1.1).

use domain::refusal::{Code, Refusal};

/// The shortest password, in characters.
pub const LEN_MIN: usize = 10;
/// The longest password, in characters.
pub const LEN_MAX: usize = 128;

const DISTINCT_MIN: usize = 5;

/// The commonest passwords of at least ten characters in published leaks, in lower case.
const COMMONEST: &[&str] = &[
    "0123456789",
    "0987654321",
    "1234567890",
    "12345678910",
    "1234567890a",
    "123456789a",
    "123456789q",
    "1a2b3c4d5e",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "9876543210",
    "abc1234567",
    "abcd123456",
    "abcd1234567",
    "abcdefghij",
    "adminadmin",
    "administrator",
    "asdfghjkl1",
    "asdfghjkl;",
    "asdfghjklqwerty",
    "baseball123",
    "basketball",
    "businessman",
    "changeme123",
    "chocolate1",
    "christopher",
    "clearlead1",
    "clearlead123",
    "computer123",
    "football123",
    "google12345",
    "helloworld",
    "iloveyou123",
    "iloveyou12",
    "letmein123",
    "letmein1234",
    "liverpool1",
    "liverpoolfc",
    "manchester",
    "mypassword",
    "newpassword",
    "password01",
    "password10",
    "password11",
    "password12",
    "password123",
    "password1234",
    "password12345",
    "password!!",
    "passw0rd123",
    "passwordpassword",
    "princess123",
    "q1w2e3r4t5",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qwer123456",
    "qwerty12345",
    "qwerty123456",
    "qwertyuiop",
    "qwertyuiop1",
    "qwertyuiop123",
    "spiderman1",
    "starwars123",
    "sunshine123",
    "superman123",
    "testtest123",
    "tinkerbell",
    "trustno1234",
    "welcome123",
    "welcome1234",
    "zaq12wsxcde3",
    "zxcvbnm123",
    "zxcvbnm1234",
];

/// Refuses a password that is too short, too long, the e-mail address, or among the first that an attacker tries.
pub fn password_check(password: &str, email: &str) -> Result<(), Refusal> {
    let length = password.chars().count();
    if length < LEN_MIN {
        return Err(Refusal::new(Code::Invalid, format!("a password has at least {LEN_MIN} characters")));
    }
    if length > LEN_MAX {
        return Err(Refusal::new(Code::TooLarge, format!("a password has at most {LEN_MAX} characters")));
    }
    let lowered = password.to_lowercase();
    let email = email.to_lowercase();
    let mailbox = email.split('@').next().unwrap_or_default();
    if lowered == email || lowered == mailbox {
        return Err(Refusal::new(Code::Invalid, "the password must not be the e-mail address"));
    }
    let distinct: std::collections::BTreeSet<char> = lowered.chars().collect();
    if distinct.len() < DISTINCT_MIN || COMMONEST.contains(&lowered.trim()) {
        return Err(Refusal::new(Code::Invalid, "this password is among the first that an attacker tries"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_at_both_ends() {
        let of = |length: usize| "абвгдежзик".chars().cycle().take(length).collect::<String>();
        let code = |length| password_check(&of(length), "a@example.com").map_err(|refusal| refusal.code);
        assert_eq!((code(9), code(10), code(128), code(129)), (Err(Code::Invalid), Ok(()), Ok(()), Err(Code::TooLarge)));
    }

    #[test]
    fn what_an_attacker_tries_first_is_refused() {
        for bad in ["Password123", "QWERTYUIOP", "ada.lovelace@example.com", "Ada.Lovelace", "aaaaaaaaaaaa", "1212121212"] {
            assert!(password_check(bad, "Ada.Lovelace@example.com").is_err(), "{bad}");
        }
        assert_eq!(password_check("correct horse battery", "ada.lovelace@example.com"), Ok(()));
    }
}
