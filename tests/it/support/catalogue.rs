//! A catalogue to book in.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use slotwise::domain::catalogue::{EventType, Resource};
use slotwise::domain::id::{EventTypeId, OrganizationId, ResourceId, ScheduleId};
use slotwise::domain::schedule::{DayHours, Schedule, WallTime, Window};
use slotwise::store::{StoreError, Tx};

use super::server::TestServer;

/// A resource to be made. Its id is `res_` and the name.
#[derive(Clone)]
pub struct ResourceSpec {
    pub name: String,
    /// What people call it; `None`: by its name.
    pub label: Option<String>,
    pub zone: Tz,
    /// One list of windows for each weekday, Monday first; `None`: always open.
    pub weekly: Option<[Vec<(&'static str, &'static str)>; 7]>,
    pub quantity: u32,
    pub standalone: bool,
    pub active: bool,
    pub kind: String,
    pub organization: String,
}

/// An event type to be made, linked to some resources. Its id is `evt_` and the name.
#[derive(Clone)]
pub struct EventTypeSpec {
    pub name: String,
    pub durations: Vec<u32>,
    pub interval: Option<u32>,
    pub buffers: (u32, u32),
    pub notice: u32,
    pub max_days_ahead: Option<u32>,
    pub requires_confirmation: bool,
    pub active: bool,
    pub resources: Vec<String>,
    pub organization: String,
}

impl ResourceSpec {
    /// An exclusive resource in Berlin, always open.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: None,
            zone: chrono_tz::Europe::Berlin,
            weekly: None,
            quantity: 1,
            standalone: true,
            active: true,
            kind: "room".to_owned(),
            organization: "default".to_owned(),
        }
    }

    /// The same, open in these windows every day.
    pub fn open(self, windows: &[(&'static str, &'static str)]) -> Self {
        Self { weekly: Some(weekly(windows)), ..self }
    }
}

impl EventTypeSpec {
    /// An event type of these durations on these resources, starting every quarter hour.
    pub fn named(name: &str, durations: &[u32], resources: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            durations: durations.to_vec(),
            interval: Some(15),
            buffers: (0, 0),
            notice: 0,
            max_days_ahead: None,
            requires_confirmation: false,
            active: true,
            resources: resources.iter().map(ToString::to_string).collect(),
            organization: "default".to_owned(),
        }
    }
}

/// The same windows on every day of the week.
pub fn weekly(windows: &[(&'static str, &'static str)]) -> [Vec<(&'static str, &'static str)>; 7] {
    std::array::from_fn(|_| windows.to_vec())
}

impl TestServer {
    /// Makes resources, all at once.
    pub async fn resources(&self, specs: impl IntoIterator<Item = ResourceSpec>) {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let specs = &specs.into_iter().collect::<Vec<_>>();
        let insert = |tx: Tx| async move {
            for spec in specs {
                let organization = OrganizationId::from(spec.organization.as_str());
                tx.ensure_organization(&organization, now).await?;
                let schedule = schedule(spec, now);
                if let Some(schedule) = &schedule {
                    tx.insert_schedule(schedule).await?;
                }
                tx.insert_resource(&resource(spec, schedule.map(|schedule| schedule.id), now)).await?;
            }
            Ok::<_, StoreError>(())
        };
        self.store.write(insert).await.unwrap();
    }

    /// Offers an event type on more resources.
    pub async fn links(&self, event_type: &str, resources: &[String]) {
        let event_type = &EventTypeId::from(format!("evt_{event_type}"));
        let insert = |tx: Tx| async move {
            for name in resources {
                let resource = ResourceId::from(format!("res_{name}"));
                tx.link(&OrganizationId::from("default"), event_type, &resource).await?;
            }
            Ok::<_, StoreError>(())
        };
        self.store.write(insert).await.unwrap();
    }

    /// Makes event types.
    pub async fn event_types(&self, specs: impl IntoIterator<Item = EventTypeSpec>) {
        for spec in specs {
            let spec = &spec;
            let insert = |tx: Tx| async move {
                let event_type = event_type(spec);
                tx.insert_event_type(&event_type).await?;
                for name in &spec.resources {
                    let resource = ResourceId::from(format!("res_{name}"));
                    tx.link(&event_type.organization_id, &event_type.id, &resource).await?;
                }
                Ok::<_, StoreError>(())
            };
            self.store.write(insert).await.unwrap();
        }
    }
}

fn schedule(spec: &ResourceSpec, now: DateTime<Utc>) -> Option<Schedule> {
    let weekly = spec.weekly.as_ref()?;
    let time = |text: &str| text.parse::<WallTime>().unwrap();
    let hours = |windows: &Vec<(&str, &str)>| {
        let windows = windows.iter().map(|(from, to)| Window::new(time(from), time(to)).unwrap());
        DayHours::new(windows.collect()).unwrap()
    };
    Some(Schedule {
        id: ScheduleId::from(format!("sch_{}", spec.name)),
        organization_id: OrganizationId::from(spec.organization.as_str()),
        name: spec.name.clone(),
        time_zone: spec.zone,
        weekly: std::array::from_fn(|day| hours(&weekly[day])),
        overrides: BTreeMap::new(),
        created_at: now,
        updated_at: now,
    })
}

fn resource(spec: &ResourceSpec, schedule_id: Option<ScheduleId>, now: DateTime<Utc>) -> Resource {
    Resource {
        id: ResourceId::from(format!("res_{}", spec.name)),
        organization_id: OrganizationId::from(spec.organization.as_str()),
        slug: spec.name.clone(),
        name: spec.label.clone().unwrap_or_else(|| spec.name.clone()),
        description: None,
        kind: spec.kind.clone(),
        time_zone: spec.zone,
        quantity: spec.quantity,
        standalone: spec.standalone,
        active: spec.active,
        schedule_id,
        metadata: None,
        created_at: now,
        updated_at: now,
    }
}

fn event_type(spec: &EventTypeSpec) -> EventType {
    let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    EventType {
        id: EventTypeId::from(format!("evt_{}", spec.name)),
        organization_id: OrganizationId::from(spec.organization.as_str()),
        slug: spec.name.clone(),
        title: spec.name.clone(),
        description: None,
        duration_options: spec.durations.clone(),
        interval_minutes: spec.interval,
        buffer_before_minutes: spec.buffers.0,
        buffer_after_minutes: spec.buffers.1,
        min_notice_minutes: spec.notice,
        max_days_ahead: spec.max_days_ahead,
        requires_confirmation: spec.requires_confirmation,
        lock_time_zone: false,
        locations: Vec::new(),
        active: spec.active,
        schedule_id: None,
        created_at: now,
        updated_at: now,
    }
}
