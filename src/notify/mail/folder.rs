//! Mails as files of a folder, for development: any mail program shows an `.eml` file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use lettre::Message;
use lettre::message::header::MessageId;
use sha2::{Digest, Sha256};

use super::transport::NotSent;

/// Characters that a file's name may have of what names a mail.
const MAX_NAME: usize = 120;

/// A folder of mails.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, which is made if there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(path: PathBuf) -> Result<Self, String> {
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(format!("The folder for mails, {}, cannot be made: {error}", path.display())),
        }
    }

    /// Puts `mail` into a file that is named after it. The same mail again is the same file.
    pub async fn put(&self, mail: &Message) -> Result<(), NotSent> {
        let text = mail.formatted();
        let path = self.0.join(file_name(mail.headers().get::<MessageId>().as_ref(), &text));
        let written = tokio::task::spawn_blocking(move || write(&path, &text)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(NotSent::for_now(format!("the file cannot be written: {}", error.kind()))),
            Err(_) => Err(NotSent::for_now("the file was not written")),
        }
    }
}

/// The name of the file for the mail of this id, or of this text where it has none.
fn file_name(id: Option<&MessageId>, text: &[u8]) -> String {
    let id = id.map(|id| id.as_ref().trim_matches(['<', '>']).to_owned());
    let is_plain = |id: &String| {
        !id.is_empty()
            && id.len() <= MAX_NAME
            && !id.starts_with('.')
            && id.chars().all(|c| c.is_ascii_alphanumeric() || "@._-".contains(c))
    };
    let name = id.clone().filter(is_plain).unwrap_or_else(|| {
        let digest = Sha256::digest(id.as_ref().map_or(text, String::as_bytes));
        digest[..16].iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
    });
    format!("{name}.eml")
}

/// All of it or nothing: whoever looks into the folder never finds half a mail.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str, text: &str) -> Message {
        Message::builder()
            .from("a@example.com".parse().unwrap())
            .to("b@example.com".parse().unwrap())
            .message_id(Some(id.to_owned()))
            .body(text.to_owned())
            .unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_mail_is_one_file_however_often_it_is_sent() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("mails");
        let folder = Folder::new(path.clone()).unwrap();
        for _ in 0..2 {
            folder.put(&mail("<evn_bkg_1_1@example.com>", "one")).await.unwrap();
        }
        folder.put(&mail("<evn_bkg_1_2@example.com>", "two")).await.unwrap();
        assert_eq!(names(&path), ["evn_bkg_1_1@example.com.eml", "evn_bkg_1_2@example.com.eml"]);
        let text = fs::read_to_string(path.join("evn_bkg_1_2@example.com.eml")).unwrap();
        assert!(text.ends_with("two"), "{text}");
    }

    #[tokio::test]
    async fn no_id_leads_out_of_the_folder() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("mails");
        let folder = Folder::new(path.clone()).unwrap();
        for id in ["<../../escaped@example.com>", "<..@example.com>", "<a\\b@example.com>", "<>"] {
            folder.put(&mail(id, "text")).await.unwrap();
        }
        assert_eq!(names(place.path()), ["mails"]);
        assert_eq!(names(&path).len(), 4);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_of_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Folder::new(file.path().join("below")).err().unwrap();
        assert!(error.starts_with("The folder for mails, "), "{error}");
    }
}
