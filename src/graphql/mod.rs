//! The schema, and how its operations are executed: the only code that knows async-graphql.

pub mod arguments;
pub mod error;
pub mod execute;
pub mod gate;
pub mod guard;
mod kept;
mod key;
mod live;
pub mod loader;
pub mod mask;
pub mod mutation;
pub mod operation;
pub mod page;
mod persisted;
pub mod prepared;
pub mod query;
pub mod request;
pub mod responses;
pub mod scalar;
pub mod selection;
pub mod socket;
pub mod subscription;
#[cfg(test)]
pub(crate) mod testing;
pub mod types;
mod written;

use async_graphql::{Schema, SchemaBuilder};

use execute::{Engine, EngineSettings};
use loader::Loads;
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

use crate::service::Services;

/// The schema, ready to execute operations on `services`. To be called within the runtime that serves requests.
#[must_use]
pub fn engine(services: &Services, settings: EngineSettings) -> Engine {
    let introspection = settings.limits.introspection;
    let schema = |validation| {
        let loads = Loads::new(services.clone());
        let builder = builder().data(loads).data(services.clone()).validation_mode(validation);
        // What is told of a misspelt name is part of the schema, too.
        if introspection { builder } else { builder.disable_suggestions() }.finish()
    };
    Engine::new(schema, settings)
}

/// The schema in the schema definition language.
#[must_use]
pub fn sdl() -> String {
    builder().finish().sdl()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
}
