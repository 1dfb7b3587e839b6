// Package store keeps what the Responses API asks to be kept: responses with their
// items, the event logs and leases of background responses, and conversations.
//
// Who lives here:
//
//	store.go      Store, which is Responses, Jobs, Conversations and Close; its types and errors
//	open.go       which kind of store it is
//	embedded*.go  one process: the rules, over ordered keys and values
//	database.go   those keys and values, with one writer that stores changes in groups
//	table.go      what stands under which key, and how it is read and written
//	file.go       the tables in one file (bbolt)
//	memory.go     the tables in memory
//	lease.go      who works on what
//	sweeper.go    what is too old or too much goes
//	redis*.go     several processes on one Redis
//	record.go     how things are written, in all of them
//	page.go       pages of a list, and the walk along a chain
//	wait.go       waiting for a change
//
// A response holds its own new items only and points to the response before it, so
// a turn costs the same to write however long its chain is; the chain is walked when
// it is read.
//
// It may import native/memory and native/redis. Texts of errors hold no item, object or tenant.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors to tell apart with errors.Is. What a method returns may say more in its text.
var (
	// ErrNotFound: nothing of that id belongs to the tenant, or it was deleted, or is too old.
	ErrNotFound = errors.New("not found")
	// ErrChainBroken: the response is there but one that it builds on is not.
	// errors.Is(err, ErrNotFound) holds for it too.
	ErrChainBroken error = chainBroken{}
	// ErrNoItem: no item of that id is in the list (an unknown Page.After, for example).
	ErrNoItem = errors.New("no such item")
	// ErrInProgress: the response has not finished yet, so it can't be continued.
	ErrInProgress = errors.New("the response is still in progress")
	// ErrConflict: the id is taken; or the response is not this owner's to write any
	// more: another one holds its lease, or it has finished.
	ErrConflict = errors.New("conflicts with what is stored")
	// ErrBusy: another response of the conversation runs.
	ErrBusy = errors.New("the conversation is busy")
	// ErrTooLarge: more bytes than the caller allowed, or than the store may ever have.
	ErrTooLarge = errors.New("too large")
	// ErrUnavailable: the store can't be reached or can't write. It comes within seconds.
	// Whether a write happened is not known after it.
	ErrUnavailable = errors.New("the store is not available")
)

type chainBroken struct{}

func (chainBroken) Error() string        { return "an earlier response of the chain is not found" }
func (chainBroken) Is(target error) bool { return target == ErrNotFound }

// Status is a response's, in the words of the API.
type Status string

// The statuses of the API.
const (
	Queued     Status = "queued"
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Incomplete Status = "incomplete"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
)

// Finished reports whether the status is the last one.
func (s Status) Finished() bool { return s != Queued && s != InProgress }

// An Item is one input or output item.
type Item struct {
	ID   string
	JSON []byte // as it came, not parsed here
}

// Head is what a response is, without its content.
type Head struct {
	ID string
	// Previous is the response whose context this one continues, "" for none. It need
	// not be what the object shows: a turn that continued something which is not stored
	// has its whole input as its own, and "" here.
	Previous string
	// Conversation is the one that the response belongs to, "" for none, and
	// ConversationEnd what ConversationContext said when the response began.
	Conversation    string
	ConversationEnd uint64
	Status          Status
	Background      bool
	// Logged: the response has an event log.
	Logged bool
	// Cancelling: somebody asked for it to be cancelled. Set by Cancel alone.
	Cancelling bool
}

// A Entry is a response's part of the context.
type Entry struct {
	Head
	Input  []Item // its own, new ones
	Output []Item
}

// A Response is a turn and the object that the API shows.
type Response struct {
	Entry
	Object []byte // JSON, not parsed here
}

// A Lease says who works on something, and for how long others leave it alone unless
// it is renewed. An Owner is a process, or a request of one; it is unique.
type Lease struct {
	Owner string
	TTL   time.Duration
}

// A Job is a background response whose lease has lapsed.
type Job struct {
	Tenant string
	Head
	// Events is the length of its log, which is the next event's number.
	Events uint64
}

// A Conversation is a list of items that responses add to.
type Conversation struct {
	ID     string
	Object []byte // JSON, not parsed here
}

// A Page asks for a part of a list.
type Page struct {
	Limit      int
	Descending bool
	After      string // id of the item before the page, "" for the beginning
}

// Items is a page of a list.
type Items struct {
	Items []Item
	More  bool // after the last one
}

// Store keeps responses and conversations. A tenant is any string; what one tenant
// stores does not exist for another. Ids are the caller's and must not be used twice.
// When a method that writes returns nil, all of it is stored, and it is never seen in
// part. Slices that are handed in are not kept; those that are returned are the caller's.
//
// Every method may return ErrUnavailable, or the context's error. What a method reads counts
// against the memory.Share of its context where that has one: memory.ErrFull where that has no
// room.
type Store interface {
	Responses
	Jobs
	Conversations
	// Close ends waiting calls with ErrUnavailable and gives up files and connections.
	Close() error
}

// Responses is for whoever creates a response with its client, or continues, shows and
// deletes one.
type Responses interface {
	// Put stores a finished response, all at once. Where it belongs to a conversation
	// and is completed or incomplete, its input and output are appended there, but for
	// items whose id is there already; a conversation that is gone gets nothing.
	// ErrConflict if the id is taken.
	Put(ctx context.Context, tenant string, r *Response) error
	// Get returns a response without its items. ErrNotFound.
	Get(ctx context.Context, tenant, id string) (Head, []byte, error)
	// Delete removes a response and its event log. Those that continue it can't be
	// continued any more. A running one's owner learns of it by Await, or by ErrNotFound
	// from its next write. ErrNotFound.
	Delete(ctx context.Context, tenant, id string) error
	// Chain returns the turns that make the context which a response leaves, oldest
	// first and its own last; items that came from a conversation come first, as the
	// Input of a turn without an ID. The caller looks at the last turn's Status: only
	// unfinished ones are refused here. ErrNotFound, ErrChainBroken, ErrInProgress;
	// ErrTooLarge over maxBytes of items.
	Chain(ctx context.Context, tenant, id string, maxBytes int) ([]Entry, error)
	// InputItems pages through the whole input of a response: the context that it
	// continued, and its own input. It may run still. ErrNotFound, ErrChainBroken,
	// ErrNoItem for an unknown Page.After.
	InputItems(ctx context.Context, tenant, id string, p Page) (Items, error)
}

// Jobs is for responses that run in the background: for the process that runs one, and for
// those that wait for what it does, or want it to end.
type Jobs interface {
	// Start stores a response that runs in the background, for the lease's owner. Its
	// Status is queued or in progress. ErrConflict if the id is taken.
	Start(ctx context.Context, tenant string, r *Response, l Lease) error
	// Renew prolongs the lease. ErrNotFound, ErrConflict.
	Renew(ctx context.Context, tenant, id string, l Lease) error
	// Update sets the status, to another unfinished one, and the object. ErrNotFound,
	// ErrConflict.
	Update(ctx context.Context, tenant, id, owner string, s Status, object []byte) error
	// Append adds events to the log. first is the number of the first of them; the log
	// begins with 0 and has no gaps. An event can be read once Append has returned, which
	// may take as long as a disk does: gather what comes meanwhile for the next call.
	// ErrNotFound, ErrConflict.
	Append(ctx context.Context, tenant, id, owner string, first uint64, events [][]byte) error
	// Finish stores the last state of a started response: r's Status, Object and Output,
	// and the last events from number first on, all at once; then the lease ends. The
	// conversation gets the items as with Put. ErrNotFound, ErrConflict.
	Finish(ctx context.Context, tenant, owner string, r *Response, first uint64, events [][]byte) error
	// Cancel asks for an unfinished response to be cancelled, and returns its head as it
	// is then; a finished one is left as it is. ErrNotFound.
	Cancel(ctx context.Context, tenant, id string) (Head, error)
	// Await returns once until holds for the response's head, which is looked at now and
	// after each change by any process. ErrNotFound, also when it is deleted meanwhile.
	Await(ctx context.Context, tenant, id string, until func(Head) bool) (Head, error)
	// Events returns up to max events from number from on. It waits until there is one,
	// or the response has finished: then end is true, and nothing comes after these.
	// ErrNotFound, also when it is deleted meanwhile, or has no log.
	Events(ctx context.Context, tenant, id string, from uint64, max int) (events [][]byte, end bool, err error)
	// Lapsed finds up to max started responses whose lease has lapsed, and gives them to
	// the new owner, who finishes them.
	Lapsed(ctx context.Context, l Lease, max int) ([]Job, error)
}

// Conversations is for whoever shows and changes conversations, and for a response that
// continues one, which needs its items and its lock. A finished response adds to its
// conversation by Put and Finish, together with itself.
type Conversations interface {
	// CreateConversation stores a conversation and its first items. ErrConflict if the
	// id is taken, or an item's id stands twice.
	CreateConversation(ctx context.Context, tenant string, c *Conversation, items []Item) error
	// Conversation returns it without its items. ErrNotFound.
	Conversation(ctx context.Context, tenant, id string) (*Conversation, error)
	// UpdateConversation replaces the object. ErrNotFound.
	UpdateConversation(ctx context.Context, tenant string, c *Conversation) error
	// DeleteConversation removes it with its items. ErrNotFound.
	DeleteConversation(ctx context.Context, tenant, id string) error
	// AppendItems adds items at its end. ErrNotFound; ErrConflict if an item's id is
	// there already.
	AppendItems(ctx context.Context, tenant, id string, items []Item) error
	// ConversationItems pages through its items. ErrNotFound, ErrNoItem for an unknown
	// Page.After.
	ConversationItems(ctx context.Context, tenant, id string, p Page) (Items, error)
	// ConversationItem returns one item. ErrNotFound, ErrNoItem.
	ConversationItem(ctx context.Context, tenant, id, item string) (Item, error)
	// DeleteItem removes one item. ErrNotFound, ErrNoItem.
	DeleteItem(ctx context.Context, tenant, id, item string) error
	// ConversationContext returns all items, oldest first, and where they end, for
	// Head.ConversationEnd. ErrNotFound; ErrTooLarge over maxBytes of items.
	ConversationContext(ctx context.Context, tenant, id string, maxBytes int) (items []Item, end uint64, err error)
	// LockConversation takes the right to run a response of the conversation, or renews
	// it where the owner has it. ErrNotFound, ErrBusy.
	LockConversation(ctx context.Context, tenant, id string, l Lease) error
	// UnlockConversation gives it back; not having it is no error.
	UnlockConversation(ctx context.Context, tenant, id, owner string) error
}
