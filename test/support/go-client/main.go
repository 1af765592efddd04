// Publishes an event and streams it back, over Connect and over gRPC, with code that is generated from proto/.
// usage: PROGRAM ADDRESS TOPIC     ADDRESS as host:port
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	mainstemv1 "mainstem.dev/gen/mainstem/v1"
	"mainstem.dev/gen/mainstem/v1/mainstemv1connect"
)

func main() {
	address, topic := os.Args[1], os.Args[2]
	ctx := context.Background()
	must(overConnect(ctx, address, topic))
	must(overGrpc(ctx, address, topic))
}

func overConnect(ctx context.Context, address, topic string) error {
	publisher := mainstemv1connect.NewPublishServiceClient(http.DefaultClient, "http://"+address)
	answer, err := publisher.Publish(ctx, connect.NewRequest(publishRequest(topic, "connect")))
	if err != nil {
		return err
	}
	fmt.Println("stored", answer.Msg.GetResults()[0].GetOffset())
	return nil
}

func overGrpc(ctx context.Context, address, topic string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := mainstemv1.NewPublishServiceClient(connection).Publish(ctx, publishRequest(topic, "grpc")); err != nil {
		return err
	}
	follow := false
	stream, err := mainstemv1.NewSubscribeServiceClient(connection).Subscribe(ctx, &mainstemv1.SubscribeRequest{
		Topic:  topic,
		From:   &mainstemv1.SubscribeRequest_Position{Position: mainstemv1.StartPosition_START_POSITION_EARLIEST},
		Follow: &follow,
	})
	if err != nil {
		return err
	}
	for {
		frame, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, record := range frame.GetEvents().GetRecords() {
			fmt.Println("got", record.GetOffset(), string(record.GetJsonBytes()))
		}
		if end := frame.GetEnd(); end != nil {
			fmt.Println("end", end.GetReason())
			return nil
		}
	}
}

func publishRequest(topic, over string) *mainstemv1.PublishRequest {
	payload := []byte(fmt.Sprintf(`{"over": %q}`, over))
	return &mainstemv1.PublishRequest{
		Topic:  topic,
		Events: []*mainstemv1.Event{{Payload: &mainstemv1.Event_JsonBytes{JsonBytes: payload}}},
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
