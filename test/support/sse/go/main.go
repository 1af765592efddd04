// Reads an event stream with r3labs/sse until it has so many records, and prints what its handler got as JSON.
// usage: PROGRAM URL COUNT
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/r3labs/sse/v2"
)

type record struct {
	Data struct {
		N *int `json:"n"`
	} `json:"data"`
}

func main() {
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	seen := []int{}
	known := map[int]bool{}
	empty := 0
	err = sse.NewClient(os.Args[1]).SubscribeRaw(func(event *sse.Event) {
		if len(event.Data) == 0 {
			empty++
		}
		var got record
		// The library hands out a block that the cut has shortened as if it were whole.
		if len(event.Event) > 0 || json.Unmarshal(event.Data, &got) != nil || got.Data.N == nil {
			return
		}
		seen = append(seen, *got.Data.N)
		known[*got.Data.N] = true
		if len(known) == count {
			out, _ := json.Marshal(map[string]any{"seen": seen, "empty": empty})
			fmt.Println(string(out))
			os.Exit(0)
		}
	})
	fmt.Fprintln(os.Stderr, "the stream ended:", err)
	os.Exit(1)
}
