package store

import "sync"

// embedded is the store of a process of its own.
type embedded struct {
	*embeddedResponses
	*embeddedJobs
	*embeddedConversations
	db      *database
	sweeper *sweeper
	closed  sync.Once
}

var _ Store = (*embedded)(nil)

func newEmbedded(t tabled, o Options) (*embedded, error) {
	db, err := newDatabase(t, o)
	if err != nil {
		return nil, err
	}
	running := newLeases(db.now)
	conversations := &embeddedConversations{db, newLeases(db.now)}
	responses := &embeddedResponses{db, running, conversations}
	e := &embedded{
		embeddedResponses:     responses,
		embeddedJobs:          &embeddedJobs{db, running, responses, conversations},
		embeddedConversations: conversations,
		db:                    db,
		sweeper:               &sweeper{db, o.MaxAge, responses, conversations},
	}
	db.ended.Go(e.sweeper.run)
	return e, nil
}

func (e *embedded) Close() (err error) {
	e.closed.Do(func() { err = e.db.close() })
	return err
}
