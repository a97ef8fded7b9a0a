"use strict";

// What whoever comes for the first time finds: the operations of the README's first session, a tab for each. The ids
// are those of `slotwise demo`, where tomorrow at 12:00 UTC is a start that Studio A offers, summer or winter.
const tomorrow = new Date(Date.now() + 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
const start = `${tomorrow}T12:00:00Z`;

const look = `# Ctrl-Enter runs the query under the cursor. The schema is in the book on the left.
# To be somebody, put your token under "Headers" below: {"Authorization": "Bearer …"}
# The other tabs hold time and book it; what they say goes for the resources of \`slotwise demo\`.

query Look {
  settings {
    holdSeconds
    heartbeatSeconds
    guestBookings
  }
  resources {
    nodes {
      id
      name
      kind
      eventTypes {
        id
        title
        durationOptions
      }
    }
  }
  daySlots(resourceId: "res_studio-a", eventTypeId: "evt_one-hour", date: "${tomorrow}") {
    slots {
      start
      end
    }
  }
}
`;

const watchHolds = `# Leave this one running in a browser window of its own: changing the tab would end it.

subscription WatchHolds {
  presenceChanged(resourceId: "res_studio-a", date: "${tomorrow}") {
    id
    revision
    holds {
      start
      end
      holder
      since
    }
  }
}
`;

const watchSlots = `# Leave this one running in a browser window of its own: changing the tab would end it.

subscription WatchSlots {
  daySlotsChanged(resourceId: "res_studio-a", eventTypeId: "evt_one-hour", date: "${tomorrow}") {
    id
    revision
    validUntil
    slots {
      start
      end
    }
  }
}
`;

const hold = `# Each run renews the hold; without one, it ends after settings.holdSeconds.

mutation Hold {
  heartbeat(
    input: {
      resourceId: "res_studio-a"
      eventTypeId: "evt_one-hour"
      slots: [{ start: "${start}", durationMinutes: 60 }]
      sessionSecret: "a secret of my own making"
    }
  ) {
    granted
    holder
    expiresAt
    userErrors {
      code
      message
      conflicts {
        start
        end
        holder
      }
    }
  }
}
`;

const book = `# The same secret as the hold's, so that the booking takes it over.

mutation Book {
  createBooking(
    input: {
      resourceId: "res_studio-a"
      eventTypeId: "evt_one-hour"
      start: "${start}"
      sessionSecret: "a secret of my own making"
      booker: { name: "Grace", email: "grace@example.com" }
    }
  ) {
    booking {
      id
      status
      start
      end
    }
    managementToken
    userErrors {
      code
      message
    }
  }
}
`;

const defaultTabs = [look, watchHolds, watchSlots, hold, book].map((query) => ({ query }));

const http = new URL("/graphql", window.location.href);
const socket = new URL(http);
socket.protocol = http.protocol === "https:" ? "wss:" : "ws:";

const place = document.getElementById("graphiql");

function show() {
  // The headers typed into the editor go along in connection_init, too. Subscriptions speak graphql-transport-ws.
  const fetcher = GraphiQL.createFetcher({ url: http.href, subscriptionUrl: socket.href });
  ReactDOM.createRoot(place).render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultTabs,
      defaultEditorToolsVisibility: "headers",
      isHeadersEditorEnabled: true,
    }),
  );
}

if (window.React && window.ReactDOM && window.GraphiQL) {
  show();
} else {
  place.textContent = "GraphiQL is not here: it could not be loaded. The server can be built with it; its README says how.";
}
