import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The fold of bench/stream in Kafka Streams: a processor with a persistent (RocksDB), logged, cached store. */
public final class StreamJob {
  private static final long RECORDS = Long.parseLong(env("BENCH_RECORDS"));
  private static final int ALERT_ABOVE_MINOR = Integer.parseInt(env("BENCH_ALERT_ABOVE_MINOR"));
  private static final AtomicLong DONE = new AtomicLong();

  private StreamJob() {}

  /** One rated message. */
  public record Message(
      String id,
      String customer,
      long time,
      String type,
      String line,
      int segments,
      String destination,
      @JsonProperty("in_allowance") boolean inAllowance,
      @JsonProperty("charge_minor") int chargeMinor) {}

  /** Folds one task's messages; at its end writes what it has counted. */
  private static final class Fold implements Processor<String, byte[], String, byte[]> {
    private static final ObjectReader MESSAGES = new ObjectMapper().readerFor(Message.class);
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, byte[]> states;

    @Override
    public void init(ProcessorContext<String, byte[]> given) {
      context = given;
      states = given.getStateStore("states");
    }

    @Override
    public void process(Record<String, byte[]> record) {
      if (DONE.get() == 0) {
        mark("first");
      }
      Message message;
      try {
        message = MESSAGES.readValue(record.value());
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      byte[] found = states.get(message.customer());
      ByteBuffer before = found == null ? ByteBuffer.allocate(49) : ByteBuffer.wrap(found);
      long count = before.getLong() + 1;
      long segments = before.getLong() + message.segments();
      long charge = before.getLong() + (message.inAllowance() ? 0 : message.chargeMinor());
      long premium = before.getLong() + (message.destination().equals("premium") ? 1 : 0);
      double mean = before.getDouble() * 0.9 + message.segments() * 0.1;
      before.getLong();
      byte alerted = before.get();
      if (charge > ALERT_ABOVE_MINOR && alerted == 0) {
        alerted = 1;
        String alert = "{\"customer\":\"" + message.customer() + "\",\"type\":\"sms.overage\"}";
        context.forward(record.withValue(alert.getBytes(StandardCharsets.UTF_8)));
      }
      ByteBuffer after = ByteBuffer.allocate(49);
      after.putLong(count).putLong(segments).putLong(charge).putLong(premium);
      after.putDouble(mean).putLong(message.time()).put(alerted);
      states.put(message.customer(), after.array());
      long done = DONE.incrementAndGet();
      if (done == RECORDS / 2) {
        mark("half");
      } else if (done == RECORDS) {
        mark("last");
      }
    }

    @Override
    public void close() {
      Path path = Path.of(env("BENCH_OUT"), context.taskId() + ".tsv");
      try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(path));
          KeyValueIterator<String, byte[]> all = states.all()) {
        while (all.hasNext()) {
          var entry = all.next();
          ByteBuffer state = ByteBuffer.wrap(entry.value);
          out.println(entry.key + "\t" + state.getLong(0) + "\t" + state.getLong(16));
        }
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }

  private static String env(String name) {
    return System.getenv(name);
  }

  private static void mark(String name) {
    System.out.println("MARK " + name);
    System.out.flush();
  }

  public static void main(String[] arguments) throws InterruptedException {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, env("BENCH_GROUP"));
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, env("BENCH_BOOTSTRAP"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, env("BENCH_STATE"));
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, env("BENCH_GUARANTEE"));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, env("BENCH_THREADS"));
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
    settings.put("auto.offset.reset", "earliest");
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore("states"), Serdes.String(), Serdes.ByteArray())
            .withCachingEnabled());
    builder.stream(env("BENCH_TOPIC"), Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .process(Fold::new, "states")
        .to(env("BENCH_ALERTS"), Produced.with(Serdes.String(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    CountDownLatch stopped = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  streams.close();
                  stopped.countDown();
                }));
    streams.start();
    stopped.await();
  }
}
