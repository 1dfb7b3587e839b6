package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// badBodies sends bodies that nobody may serve to every place that takes one. The model server
// is one that refuses what vLLM refuses.
func badBodies(ctx context.Context, r *round) error {
	g, err := r.open(r.serve(simulator.New(simulator.Options{Control: true, Images: true, MaxModelLen: 8192})), nil)
	if err != nil {
		return err
	}
	c := r.reach(g)
	all, err := places(ctx, c, r.edge == onFilter)
	if err != nil {
		return err
	}
	type input struct {
		place *place
		mutant
	}
	var inputs []input
	for i := range all {
		p := &all[i]
		if ok, wrong := p.send(ctx, c, p.body); !ok {
			return fmt.Errorf("%s: the good body is refused: %s", p.name, wrong)
		}
		bad := malformed(r.random, p.body, r.size(12, 80))
		bad = append(bad, noObject(p.body)...)
		kinds := mistyped(p)
		r.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		bad = append(bad, kinds[:min(len(kinds), r.size(20, len(kinds)))]...)
		for _, m := range bad {
			if p.socket && len(m.header) > 0 {
				continue // frames have no encoding
			}
			inputs = append(inputs, input{p, m})
		}
	}
	each(inputs, 8, func(in input) {
		ok, wrong := in.place.send(ctx, c, in.body, in.header...)
		r.tried.Add(1)
		switch {
		case ok:
			r.problem("%s is served: %s", in.place.name, in.how)
		case wrong != "":
			r.problem("%s, %s: %s", in.place.name, in.how, wrong)
		}
	})
	for i := range all {
		if ok, wrong := all[i].send(ctx, c, all[i].body); !ok {
			r.problem("%s: the good body is refused afterwards: %s", all[i].name, wrong)
		}
	}
	return nil
}

// packed is text, gzip'ed.
func packed(text string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}
