package responses

import (
	"strconv"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// refusal is a problem of the client's request: reason is the log's word.
func refusal(status int, param, reason, message string) *hub.Problem {
	return &hub.Problem{Status: status, Type: hub.TypeInvalidRequest, Param: param, Reason: reason, Message: message}
}

func notJSON(err error) *hub.Problem {
	return hub.BadRequest("", "The message is not a JSON object: %v.", err)
}

func nothingAt(path string) *hub.Problem {
	return refusal(404, "", "not_found", "There is nothing at "+hub.Excerpt(path)+".")
}

func eventsNotKept(id string) *hub.Problem {
	return refusal(400, "stream", "no_events", "The events of response '"+hub.Excerpt(id)+"' were not kept, so it can't be streamed: "+
		"only those of a response that was created with background: true and stream: true are.")
}

func notInBackground(id string) *hub.Problem {
	return refusal(400, "id", "not_background", "Response '"+hub.Excerpt(id)+"' was not created with background: true, "+
		"so it can't be cancelled. Close its connection to end it.")
}

// itemNotFound: what is the thing that should hold the item, and id its id, for a message.
func itemNotFound(param, item, what, id string) *hub.Problem {
	return refusal(404, param, "not_found", "Item with id '"+item+"' not found in "+what+" '"+id+"'.")
}

func inputIncomplete(id string) *hub.Problem {
	return refusal(404, "id", "not_found",
		"The input of response '"+id+"' is not complete any more: a response that it continues was deleted or is too old.")
}

func connectionTooOld(age time.Duration) *hub.Problem {
	return hub.Refuse("websocket_connection_limit_reached", "", "This connection is older than "+age.String()+": open another one.")
}

func tooManyWait(most int) *hub.Problem {
	return &hub.Problem{Status: 429, Type: "rate_limit_error", Code: "response_already_in_flight",
		Message: "A response is running on this connection, and as many others wait as may: " + strconv.Itoa(most) + "."}
}

func streamsRunInTurn() *hub.Problem {
	return hub.Refuse("unsupported_parameter", "stream_id",
		"stream_id: responses of one connection run one after another here. Open a connection for each stream.")
}

func backgroundOnSocket() *hub.Problem {
	return hub.Refuse("unsupported_parameter", "background",
		"background is not for WebSocket connections. Send the request to POST /v1/responses.")
}

func shuttingDown() *hub.Problem { return hub.FaultProblem(hub.ShuttingDown, 0) }

func wrongSocketVersion() *hub.Problem {
	p := hub.UpgradeRefused("WebSocket is served in version 13 only.")
	p.Header = [][2]string{{"upgrade", "websocket"}, {"connection", "upgrade"}, {"sec-websocket-version", "13"}}
	return p
}
