//! `slotwise demo`: a server to try things on, with a database of its own.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Locale, NaiveDate, Utc};
use chrono_tz::Tz;
use lettre::message::Mailbox;
use secrecy::SecretString;
use uuid::Uuid;

use crate::app::{App, StartError};
use crate::auth::Profile;
use crate::clock::SharedClock;
use crate::config::{
    DatabaseSettings, DemoSettings, HoldSettings, HttpSettings, LimitSettings, MailSettings, ServeSettings, TokenKey,
    TokenSettings,
};
use crate::domain::access::{Caller, Role, Viewer};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId, ScheduleId, UserId};
use crate::domain::local_time::{days_after, instant_of, local_date};
use crate::domain::person::NamedAdmins;
use crate::domain::schedule::{DayHours, Schedule, WallTime, Window};
use crate::notify::mail::compose::Letterhead;
use crate::notify::mail::links::BookingPage;
use crate::notify::mail::mailer::MailerSettings;
use crate::notify::mail::transport::MailAddress;
use crate::process;
use crate::public_url::PublicUrl;
use crate::service::booking::{BookerDetails, CreateBooking};
use crate::store::Tx;

/// Where the demonstration takes place: a zone whose clocks change.
const ZONE: Tz = chrono_tz::Europe::Berlin;
/// How long the printed tokens are good for.
const TOKENS_VALID: Duration = Duration::from_hours(7 * 24);
/// How long running requests have to end when the demonstration is stopped.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Runs the demonstration until it is stopped.
///
/// # Errors
/// The address is taken, or the database cannot be opened.
pub async fn run(settings: DemoSettings, clock: SharedClock) -> Result<(), StartError> {
    process::start_log(&settings.log);
    let shutdown = process::end_on_signal()?;
    let listener = process::listen(settings.listen)?;
    let file = Files::new(settings.database.clone(), clock.unique());
    let public_url = public_url(listener.local_addr()?);
    let app = App::build(serve_settings(&settings, public_url, &file, &clock)?, clock.clone(), shutdown, None).await?;
    app.store().migrate().await?;
    if app.store().reader().catalogue_revision(&OrganizationId::fallback()).await? > 0 {
        writeln!(io::stdout(), "Using what {} holds.", file.database.display())?;
    } else {
        seed(&app, clock.now()).await?;
    }
    introduce(&app, listener.local_addr()?, &file)?;
    app.serve(listener, SHUTDOWN).await
}

/// What the demonstration writes: its database, and beside it a folder of the mails that it would send. Temporary ones are
/// removed at the end.
struct Files {
    database: PathBuf,
    mails: PathBuf,
    temporary: bool,
}

impl Files {
    fn new(path: Option<PathBuf>, unique: Uuid) -> Self {
        let temporary = path.is_none();
        let name = format!("slotwise-demo-{}.db", unique.simple());
        let database = path.unwrap_or_else(|| std::env::temp_dir().join(name));
        Self { mails: with_suffix(&database, "-mails"), database, temporary }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.temporary {
            // What is not there need not be removed, and what cannot be is in the system's temporary directory.
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(with_suffix(&self.database, suffix));
            }
            let _ = std::fs::remove_dir_all(&self.mails);
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Mails into a folder: whoever tries things on can read what bookers would get, and nobody gets any.
fn mail_settings(folder: &Path) -> Result<MailSettings, StartError> {
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|_| StartError::new("an address of the demo"));
    let from = mailbox("Slotwise Studios <studios@example.com>")?;
    let letterhead = Letterhead {
        domain: from.email.domain().to_owned(),
        from,
        reply_to: None,
        operator: Some(mailbox("The front desk <desk@example.com>")?),
        locale: Locale::en_GB,
    };
    let address = MailAddress::Folder(folder.to_owned());
    let page = "https://example.com/bookings";
    let page = BookingPage::read(page).map_err(|_| StartError::new("an address of the demo"))?;
    Ok(MailSettings { mailer: MailerSettings { address, letterhead, booking_page: Some(page) }, reminder: None })
}

/// Where the demonstration is reached: by whoever has started it, wherever it listens beside.
fn public_url(address: SocketAddr) -> Option<PublicUrl> {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
    PublicUrl::on_this_machine(address).or_else(|| PublicUrl::on_this_machine(here))
}

fn serve_settings(
    settings: &DemoSettings,
    public_url: Option<PublicUrl>,
    file: &Files,
    clock: &SharedClock,
) -> Result<ServeSettings, StartError> {
    // Secrets are made anew at each start: a demonstration's tokens are good for one run.
    Ok(ServeSettings {
        listen: settings.listen,
        public_url,
        database: DatabaseSettings {
            url: SecretString::from(format!("sqlite://{}?mode=rwc", file.database.display())),
            connections: None,
        },
        server_key: clock.secret(),
        admins: NamedAdmins::default(),
        identity_webhook_secret: None,
        metrics_token: None,
        // Its tokens are made by itself.
        tokens: Some(TokenSettings { trust_roles: true, ..TokenSettings::new(TokenKey::Secret(clock.secret())) }),
        guest_bookings: true,
        http: HttpSettings::default(),
        limits: LimitSettings { rates: settings.rates, ..LimitSettings::default() },
        webhooks: settings.webhooks,
        shutdown: SHUTDOWN,
        holds: HoldSettings::default(),
        mail: Some(mail_settings(&file.mails)?),
        log: settings.log.clone(),
    })
}

/// Prints what a newcomer needs to begin.
fn introduce(app: &App, address: SocketAddr, files: &Files) -> Result<(), StartError> {
    let mut out = io::stdout();
    writeln!(out, "\nSlotwise is running. Open http://{address}/ to explore it in GraphiQL.\n")?;
    writeln!(out, "To act as somebody, put one of these into GraphiQL's Headers tab:\n")?;
    for profile in [customer(), staff(), admin()] {
        let token = app.tokens().sign(&profile, TOKENS_VALID)?;
        let name = profile.name.as_deref().unwrap_or_default();
        writeln!(out, "  {name} ({:?}):\n  {{\"Authorization\": \"Bearer {token}\"}}\n", profile.role)?;
    }
    writeln!(out, "Mails that it would send are files in {}.", files.mails.display())?;
    writeln!(out, "Ctrl-C ends it.")?;
    Ok(())
}

fn profile(subject: &str, name: &str, email: &str, role: Role) -> Profile {
    Profile {
        subject: UserId::from(subject),
        email: Some(email.to_owned()),
        name: Some(name.to_owned()),
        organization: OrganizationId::fallback(),
        role,
    }
}

fn customer() -> Profile {
    profile("demo-customer", "Carla Customer", "carla@example.com", Role::Customer)
}

fn staff() -> Profile {
    profile("demo-staff", "Stefan Staff", "stefan@example.com", Role::Staff)
}

fn admin() -> Profile {
    profile("demo-admin", "Ada Admin", "ada@example.com", Role::Admin)
}

/// The catalogue of the demonstration.
struct Catalogue {
    now: DateTime<Utc>,
    schedule: Schedule,
    studio_a: Resource,
    studio_b: Resource,
    engineer: Resource,
    microphones: Resource,
    sessions: [EventType; 3],
    hire: EventType,
}

impl Catalogue {
    fn new(now: DateTime<Utc>) -> Result<Self, StartError> {
        let schedule = opening_hours(now)?;
        let resource = |slug: &str, name: &str, kind: &str, quantity: u32| Resource {
            id: ResourceId::from(format!("res_{slug}")),
            organization_id: OrganizationId::fallback(),
            slug: slug.to_owned(),
            name: name.to_owned(),
            description: None,
            kind: kind.to_owned(),
            time_zone: ZONE,
            quantity,
            standalone: true,
            active: true,
            schedule_id: Some(schedule.id.clone()),
            metadata: None,
            created_at: now,
            updated_at: now,
        };
        let event_type = |slug: &str, title: &str, minutes: u32| EventType {
            id: EventTypeId::from(format!("evt_{slug}")),
            organization_id: OrganizationId::fallback(),
            slug: slug.to_owned(),
            title: title.to_owned(),
            description: None,
            duration_options: vec![minutes],
            interval_minutes: Some(60),
            buffer_before_minutes: 0,
            buffer_after_minutes: 0,
            min_notice_minutes: 0,
            max_days_ahead: Some(365),
            requires_confirmation: false,
            lock_time_zone: false,
            locations: Vec::new(),
            active: true,
            schedule_id: None,
            created_at: now,
            updated_at: now,
        };
        Ok(Self {
            studio_a: resource("studio-a", "Studio A", "room", 1),
            studio_b: resource("studio-b", "Studio B", "room", 1),
            engineer: resource("engineer", "Erika, sound engineer", "person", 1),
            microphones: resource("microphones", "Microphones", "equipment", 6),
            sessions: [
                event_type("one-hour", "One hour", 60),
                event_type("two-hours", "Two hours", 120),
                event_type("five-hours", "Five hours", 300),
            ],
            hire: event_type("hire", "Hire for an hour", 60),
            now,
            schedule,
        })
    }

    async fn insert(&self, tx: &Tx) -> Result<(), crate::store::StoreError> {
        tx.ensure_organization(&OrganizationId::fallback(), self.now).await?;
        tx.insert_schedule(&self.schedule).await?;
        for resource in [&self.studio_a, &self.studio_b, &self.engineer, &self.microphones] {
            tx.insert_resource(resource).await?;
        }
        for event_type in self.sessions.iter().chain([&self.hire]) {
            tx.insert_event_type(event_type).await?;
        }
        for event_type in &self.sessions {
            for resource in [&self.studio_a, &self.studio_b, &self.engineer] {
                tx.link(&event_type.organization_id, &event_type.id, &resource.id).await?;
            }
        }
        tx.link(&self.hire.organization_id, &self.hire.id, &self.microphones.id).await
    }
}

/// 09:00 to 22:00 on weekdays, 10:00 to 24:00 at weekends, closed on New Year's Day.
fn opening_hours(now: DateTime<Utc>) -> Result<Schedule, StartError> {
    let hours = |from: &str, to: &str| -> Result<DayHours, StartError> {
        let time = |text: &str| text.parse::<WallTime>().map_err(|_| StartError::new("a wall time of the demo"));
        let window = Window::new(time(from)?, time(to)?).map_err(|_| StartError::new("a window of the demo"))?;
        DayHours::new(vec![window]).map_err(|_| StartError::new("the hours of the demo"))
    };
    let (weekday, weekend) = (hours("09:00", "22:00")?, hours("10:00", "24:00")?);
    let weekly = std::array::from_fn(|day| if day < 5 { weekday.clone() } else { weekend.clone() });
    Ok(Schedule {
        id: ScheduleId::from("sch_opening-hours"),
        organization_id: OrganizationId::fallback(),
        name: "Opening hours".to_owned(),
        time_zone: ZONE,
        weekly,
        overrides: std::collections::BTreeMap::new(),
        created_at: now,
        updated_at: now,
    })
}

/// Lays out the catalogue and makes a few bookings, by the same way as anybody's.
async fn seed(app: &App, now: DateTime<Utc>) -> Result<(), StartError> {
    let catalogue = Catalogue::new(now)?;
    let tables = &catalogue;
    app.store().write(|tx| async move { tables.insert(&tx).await }).await?;
    let tomorrow = days_after(local_date(ZONE, now), 1);
    let bookings = [
        (&catalogue.studio_a, &catalogue.sessions[1], tomorrow, "10:00"),
        (&catalogue.studio_a, &catalogue.sessions[0], tomorrow, "17:00"),
        (&catalogue.studio_b, &catalogue.sessions[2], tomorrow, "12:00"),
        (&catalogue.engineer, &catalogue.sessions[0], days_after(tomorrow, 1), "15:00"),
    ];
    for (resource, event_type, date, time) in bookings {
        book(app, resource, event_type, (date, time), now).await?;
    }
    Ok(())
}

async fn book(
    app: &App,
    resource: &Resource,
    event_type: &EventType,
    (date, time): (NaiveDate, &str),
    now: DateTime<Utc>,
) -> Result<(), StartError> {
    let time = time.parse::<WallTime>().map_err(|_| StartError::new("a wall time of the demo"))?;
    let profile = customer();
    let caller = Caller::User(Viewer {
        id: profile.subject,
        organization_id: profile.organization,
        role: profile.role,
        email: profile.email,
        name: profile.name,
    });
    let request = CreateBooking {
        event_type_id: event_type.id.clone(),
        resource_id: resource.id.clone(),
        quantity: 1,
        add_ons: Vec::new(),
        start: instant_of(ZONE, date, time),
        duration_minutes: None,
        time_zone: None,
        booker: Some(BookerDetails::default()),
        location: None,
        reference: None,
        metadata: None,
        session_secret: None,
        idempotency_key: None,
        ignore_schedule: false,
        provisional_minutes: None,
    };
    let made = app
        .services()
        .create_booking(&caller, request, Ipv4Addr::LOCALHOST.into(), now)
        .await
        .map_err(|error| StartError::new(format!("{error:?}")))?;
    made.map(|_| ()).map_err(|errors| StartError::new(format!("a booking of the demo was refused: {errors:?}")))
}
